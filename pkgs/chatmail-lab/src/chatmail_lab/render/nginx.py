"""services.nginx -> nginx.conf, as NixOS writes it."""

from collections.abc import Iterator
from typing import Any

from chatmail_lab.errors import LabError
from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, refuse_unknown

KNOWN = frozenset(
    {
        *("enable", "virtualHosts", "streamConfig", "appendHttpConfig", "commonHttpConfig"),
        *("appendConfig", "eventsConfig", "clientMaxBodySize", "serverTokens", "additionalModules"),
        *("recommendedTlsSettings", "recommendedOptimisation", "recommendedGzipSettings"),
        *("recommendedProxySettings", "package", "sslProtocols", "enableReload", "upstreams"),
    }
)
KNOWN_HOST = frozenset(
    {
        *("serverName", "serverAliases", "listen", "listenAddresses", "root", "extraConfig"),
        *("locations", "onlySSL", "addSSL", "forceSSL", "rejectSSL", "sslCertificate"),
        *("sslCertificateKey", "default", "globalRedirect", "redirectCode", "http2", "kTLS"),
        *("acmeRoot", "enableACME", "useACMEHost"),
    }
)
KNOWN_LOCATION = frozenset(
    {
        *("root", "alias", "proxyPass", "return", "tryFiles", "index", "extraConfig", "priority"),
        *("recommendedProxySettings", "proxyWebsockets"),
    }
)
DEFAULT_PRIORITY = 1000
ALL_ADDRESSES = ("0.0.0.0", "[::0]")  # noqa: S104 - as NixOS does


def _block(title: str, lines: list[str]) -> list[str]:
    return [f"{title} {{", *(f"  {line}" for line in lines), "}"]


def _raw(config: str | None) -> list[str]:
    return (config or "").rstrip("\n").splitlines()


def _listens(host: Attrs) -> list[dict[str, Any]]:
    """Return the listeners of a virtual host: its own, or those that NixOS derives from its TLS."""
    if host.get("listen"):
        return list(host["listen"])
    only_tls = host.get("onlySSL", False)
    has_tls = only_tls or host.get("addSSL", False) or host.get("forceSSL", False)
    addresses = host.get("listenAddresses") or ALL_ADDRESSES
    plain = [] if only_tls else [{"addr": address, "port": 80} for address in addresses]
    tls = [{"addr": address, "port": 443, "ssl": True} for address in addresses]
    return plain + (tls if has_tls else [])


def _listen_line(listen: Attrs, *, default: bool) -> str:
    address = str(listen["addr"])
    if address.startswith("unix:"):
        where = address
    else:
        fallback = 443 if listen.get("ssl") else 80
        where = f"{address}:{listen.get('port') or fallback}"
    words = [where]
    words += ["ssl"] if listen.get("ssl") else []
    words += ["default_server"] if default else []
    words += ["proxy_protocol"] if listen.get("proxyProtocol") else []
    words += list(listen.get("extraParameters", []))
    return f"listen {' '.join(words)};"


def _location(path: str, location: Attrs) -> list[str]:
    refuse_unknown(f'services.nginx.virtualHosts.*.locations."{path}"', location, KNOWN_LOCATION)
    lines = []
    if location.get("proxyPass"):
        lines.append(f"proxy_pass {location['proxyPass']};")
        if location.get("proxyWebsockets"):
            lines += ["proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;"]
            lines.append("proxy_set_header Connection $connection_upgrade;")
    for option, directive in (
        *(("index", "index"), ("tryFiles", "try_files"), ("root", "root"), ("alias", "alias")),
        ("return", "return"),
    ):
        if location.get(option) is not None:
            lines.append(f"{directive} {location[option]};")
    return _block(f"location {path}", lines + _raw(location.get("extraConfig")))


def _server(name: str, host: Attrs) -> list[str]:
    listens = _listens(host)
    names = [str(host.get("serverName") or name), *host.get("serverAliases", [])]
    default = host.get("default", False)
    redirect = [listen for listen in listens if not listen.get("ssl")]
    lines = []
    if host.get("forceSSL"):
        plain = [_listen_line(listen, default=default) for listen in redirect]
        code = host.get("redirectCode", 301)
        plain += [f"server_name {' '.join(names)};"]
        plain += _block("location /", [f"return {code} https://$host$request_uri;"])
        lines += _block("server", plain)
        listens = [listen for listen in listens if listen.get("ssl")]
    own = [_listen_line(listen, default=default) for listen in listens]
    own.append(f"server_name {' '.join(names)};")
    if any(listen.get("ssl") for listen in listens):
        own.append("http2 on;" if host.get("http2", True) else "http2 off;")
        own.append(f"ssl_certificate {host['sslCertificate']};")
        own.append(f"ssl_certificate_key {host['sslCertificateKey']};")
    if host.get("root"):
        own.append(f"root {host['root']};")
    if host.get("globalRedirect"):
        code = host.get("redirectCode", 301)
        target = f"$scheme://{host['globalRedirect']}$request_uri"
        own += _block("location /", [f"return {code} {target};"])
    locations = host.get("locations", {})
    order = sorted(locations, key=lambda p: (locations[p].get("priority", DEFAULT_PRIORITY), p))
    for path in order:
        own += _location(path, locations[path])
    return lines + _block("server", own + _raw(host.get("extraConfig")))


def _http(nginx: Attrs) -> Iterator[str]:
    yield "include /etc/nginx/mime.types;"
    yield "default_type application/octet-stream;"
    # the defaults of NixOS' nginx
    for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"):
        yield f"{name}_temp_path /tmp/nginx_{name};"
    yield f"ssl_protocols {nginx.get('sslProtocols') or 'TLSv1.2 TLSv1.3'};"
    if nginx.get("recommendedTlsSettings"):
        yield "ssl_session_timeout 1d;"
        yield "ssl_session_cache shared:SSL:10m;"
        yield "ssl_prefer_server_ciphers off;"
    if nginx.get("recommendedOptimisation"):
        yield from ("sendfile on;", "tcp_nopush on;", "tcp_nodelay on;", "keepalive_timeout 65;")
    if nginx.get("recommendedGzipSettings"):
        yield from ("gzip on;", "gzip_static on;", "gzip_vary on;", "gzip_proxied any;")
    yield f"server_tokens {'on' if nginx.get('serverTokens') else 'off'};"
    yield f"client_max_body_size {nginx.get('clientMaxBodySize') or '10m'};"
    yield from _block("map $http_upgrade $connection_upgrade", ["default upgrade;", "'' close;"])
    yield from _raw(nginx.get("commonHttpConfig"))
    hosts = nginx.get("virtualHosts", {})
    for name in sorted(hosts):
        refuse_unknown(f'services.nginx.virtualHosts."{name}"', hosts[name], KNOWN_HOST)
        yield from _server(name, hosts[name])
    yield from _raw(nginx.get("appendHttpConfig"))


def nginx_conf(nginx: Attrs) -> str:
    """Return nginx.conf.

    Raises:
        LabError: The lab does not know an option.
    """
    refuse_unknown("services.nginx", nginx, KNOWN)
    if nginx.get("recommendedProxySettings") or nginx.get("upstreams"):
        raise LabError("the lab cannot render services.nginx.{recommendedProxySettings,upstreams}")
    lines = [
        "include /etc/nginx/modules-enabled/*.conf;",
        "pid /run/nginx/nginx.pid;",
        "error_log stderr;",
        "daemon off;",
        *_block("events", _raw(nginx.get("eventsConfig"))),
        *_block("http", list(_http(nginx))),
    ]
    if nginx.get("streamConfig"):
        lines += _block("stream", _raw(nginx["streamConfig"]))
    return "\n".join([*lines, *_raw(nginx.get("appendConfig"))]) + "\n"


def render(nginx: Attrs) -> list[File]:
    """Return the files of nginx."""
    return [text_file("/etc/nginx/nginx.conf", nginx_conf(nginx))]
