# From docs/operate.md.
{
  services.chatmail.backup = {
    enable = true;
    repository = "/mnt/backup/chatmail"; # another disk, or sftp:, s3:, rest:
    passwordFile = "/var/lib/secrets/backup-password";
  };
}
