# Where a machine that orders its certificate by HTTP-01 puts what proves the domain.
"/var/lib/acme/acme-challenge"
