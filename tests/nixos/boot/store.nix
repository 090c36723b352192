# A store of examples/cluster, alone: the other machines do not answer. For ./store.sh.
{
  imports = [
    ../../../modules/chatmail.nix
    ../../../examples/cluster/store1.nix
    ./secrets.nix
  ];
}
