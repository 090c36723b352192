# A front of examples/cluster, alone: the other machines do not answer. For ./front.sh.
{
  imports = [
    ../../../modules/chatmail.nix
    ../../../examples/cluster/front1.nix
    ./secrets.nix
  ];
}
