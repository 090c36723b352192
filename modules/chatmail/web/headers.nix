# { lib, settings } -> text of nginx: the headers of every answer.
# A header of a location replaces all those of its server, hence one text for both.
{ lib, settings }:
''
  add_header X-Content-Type-Options nosniff always;
  add_header X-Frame-Options DENY always;
  add_header Referrer-Policy no-referrer always;
''
+ lib.optionalString settings.tls.trusted ''
  add_header Strict-Transport-Security "max-age=31536000" always;
''
