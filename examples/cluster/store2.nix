# A store of the relay in ./cluster.nix; its disks, boot loader and network go here.
{
  imports = [ ./cluster.nix ];

  services.chatmail.cluster.machine = "store2";
  networking.hostName = "store2";
}
