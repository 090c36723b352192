# -> { NAME = NUMBER; }: every port of a relay.
{
  smtp = 25;
  submission = 587;
  submissions = 465;
  imap = 143;
  imaps = 993;
  http = 80;
  https = 443;
  # of a store, in the tunnel alone
  accounts = 8702;
  lmtp = 24;
  # of a front, in the tunnel: what proves the domain to the issuer of certificates
  challenges = 8703;
  # of a store, in the tunnel: accounts that come from other stores
  moves = 8704;
  # loopback only
  login = 8701;
  httpsInternal = 8443;
  imapsInternal = 8993;
  imapsFromHttps = 8994;
  submissionsInternal = 8465;
  submissionInternal = 8587;
  mxdelivSmtp = 10026;
  transportSmtp = 10083;
}
