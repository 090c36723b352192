# A front of the relay in ./cluster.nix; its disks, boot loader and network go here.
{
  imports = [ ./cluster.nix ];

  services.chatmail.cluster.machine = "front1";
  networking.hostName = "front1";
}
