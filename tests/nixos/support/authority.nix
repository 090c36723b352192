# { pkgs } -> a certificate authority for test machines: `ca` (PEM), and `certificate DOMAIN` (folder with fullchain.pem
# and key.pem for the domain, www. and mta-sts.), with the extensions that Python requires (RFC 5280). Its keys are not
# secret.
{ pkgs }:
let
  openssl = pkgs.lib.getExe pkgs.openssl;
  key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc";
  authority = pkgs.runCommand "chatmail-test-authority" { } ''
    mkdir $out
    ${openssl} req -x509 ${key} -days 3650 -subj "/CN=authority of a test" \
      -addext keyUsage=critical,keyCertSign,cRLSign -keyout $out/key.pem -out $out/ca.pem
  '';
in
{
  ca = "${authority}/ca.pem";
  certificate =
    domain:
    pkgs.runCommand "chatmail-test-certificate" { } ''
      mkdir $out
      ${openssl} req -x509 ${key} -days 365 -subj /CN=${domain} -CA ${authority}/ca.pem -CAkey ${authority}/key.pem \
        -addext subjectAltName=DNS:${domain},DNS:www.${domain},DNS:mta-sts.${domain} \
        -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature \
        -addext authorityKeyIdentifier=keyid -keyout $out/key.pem -out $out/fullchain.pem
    '';
}
