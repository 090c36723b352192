# From docs/operate/upkeep.md.
{
  services.chatmail.backup = {
    enable = true;
    repository = "/mnt/backup/chatmail"; # or sftp:, s3:, rest:
    passwordFile = "/var/lib/secrets/backup-password";
  };
}
