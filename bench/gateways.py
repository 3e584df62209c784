"""Larder's gateway and its peers, each with one worker on its core and a cache in memory.

Each function gets the origin's address and returns a Gateway. `cache=False`: it only passes on.
"""
import pathlib
import shutil
import subprocess

import peers

ETAG = '"5f3c-1b2e4d"'
HERE = pathlib.Path(__file__).resolve().parent


class Gateway:
    """One that is running."""

    def __init__(self, process, address):
        self.process, self.address = process, address

    @property
    def pid(self):
        return self.process.pid


def running(stage, process, port):
    stage.wait_for_port(process, port)
    return Gateway(process, f"127.0.0.1:{port}")


def fixed(stage, head, body, core):
    """A bare loop that answers every request with these bytes."""
    program = stage.path / "bare"
    if not program.exists():
        subprocess.run(["cc", "-O2", "-o", program, HERE / "bare.c"], check=True)
    name = f"bare-{len(stage.running)}"
    answer = stage.write(f"{name}.http", head.replace("\n", "\r\n") + "\r\n" + body)
    process = stage.start(name, [program, answer], core=core, stdout=subprocess.PIPE)
    return Gateway(process, stage.read_line(process, r"listening on (\S+)")[1])


def answer(size, freshness, end=""):
    """Head and body of what the origin says; the last bytes are `end`."""
    return f"""HTTP/1.1 200 OK
Content-Type: application/json
Content-Length: {size}
Cache-Control: {freshness}
ETag: {ETAG}
""", "x" * (size - len(end)) + end


def origin(stage, size, freshness="public, max-age=3600", end=""):
    """host:port of the bare loop as an origin that costs the client's core little."""
    return fixed(stage, *answer(size, freshness, end), peers.CLIENT_CORE).address


def certificate(stage):
    """A certificate for 127.0.0.1 and its key, made once."""
    cert, key = stage.path / "cert.pem", stage.path / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", cert], check=True, stderr=subprocess.DEVNULL)
        key.chmod(0o644)  # of servers that drop their rights, and for as long as the run takes
    return cert, key


def larder(stage, upstream, cache=True, tls=False):
    flags = ["--origin", f"http://{upstream}", "--workers", "1", "--resp", "off"]
    if tls:
        cert, key = certificate(stage)
        flags = ["--config", stage.write("larder.yaml", f"""origins:
  all: {{servers: ["{upstream}"]}}
routes:
  all: {{match: "/**", origin: all}}
listen:
  http: {{address: "127.0.0.1:0"}}
  https: {{address: "127.0.0.1:0"}}
certificates:
  bench: {{file: {cert}, key: {key}}}
"""), "--workers", "1", "--resp", "off"]
    process, doors = peers.larder(stage, *flags)
    return Gateway(process, doors["https" if tls else "http"])


def varnish(stage, upstream, cache=True):
    port = peers.free_port()
    host, upstream_port = upstream.split(":")
    passes = "" if cache else "sub vcl_recv { return (pass); }"
    vcl = stage.write("default.vcl", f"""vcl 4.1;
backend default {{ .host = "{host}"; .port = "{upstream_port}"; }}
{passes}
""")
    process = stage.start("varnish", [
        peers.find("varnishd"), "-F", "-n", stage.path / "varnish", "-a", f"127.0.0.1:{port}",
        "-f", vcl, "-s", "malloc,4g", "-p", "thread_pools=1", "-p", "thread_pool_min=100"])
    return running(stage, process, port)


def haproxy(stage, upstream, cache=True):
    port = peers.free_port()
    uses = "http-request cache-use one\n  http-response cache-store one" if cache else ""
    config = stage.write("haproxy.cfg", f"""global
  nbthread 1
  maxconn 9800
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
cache one
  total-max-size 1024
  max-object-size 1000000
  max-age 3600
frontend in
  bind 127.0.0.1:{port}
  {uses}
  default_backend out
backend out
  http-reuse always
  server origin {upstream}
""")
    process = stage.start("haproxy", [peers.find("haproxy"), "-db", "-f", config])
    return running(stage, process, port)


def nginx(stage, upstream, cache=True, tls=False, h2=False):
    port = peers.free_port()
    listens, certificates = "http2" if h2 else "", ""
    if tls:
        cert, key = certificate(stage)
        listens += " ssl"
        certificates = f"ssl_certificate {cert}; ssl_certificate_key {key};"
    uses = "proxy_cache one;" if cache else "proxy_buffering on;"
    config = stage.write("nginx.conf", f"""worker_processes 1;
daemon off;
pid {stage.path}/nginx.pid;
error_log stderr;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=1000 inactive=60s;
  keepalive_requests 1000000000;
  client_body_temp_path {stage.path}/body;
  proxy_temp_path {stage.path}/proxy;
  fastcgi_temp_path {stage.path}/fastcgi;
  uwsgi_temp_path {stage.path}/uwsgi;
  scgi_temp_path {stage.path}/scgi;
  proxy_cache_path {stage.path}/cache levels=1:2 keys_zone=one:100m inactive=60m;
  upstream out {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} {listens};
    {certificates}
    location / {{
      proxy_pass http://out;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      {uses}
    }}
  }}
}}
""")
    process = stage.start("nginx", [peers.find("nginx"), "-p", stage.path, "-e", "stderr", "-c",
                                    config])
    return running(stage, process, port)


def trafficserver(stage, upstream, cache=True):
    """It wants to be root no more: everything that it writes lies in a folder of its user's."""
    port, root = peers.free_port(), stage.path / "ats"
    for name in ("etc", "var", "log", "cache", "run"):
        (root / name).mkdir(parents=True)
    shutil.copy("/etc/trafficserver/ip_allow.yaml", root / "etc")
    (root / "etc/records.config").write_text(f"""CONFIG proxy.config.http.server_ports STRING {port}
CONFIG proxy.config.admin.user_id STRING nobody
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.accept_threads INT 0
CONFIG proxy.config.cache.ram_cache.size INT 1073741824
CONFIG proxy.config.http.cache.http INT {int(cache)}
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.net.connections_throttle INT 15000
""")
    (root / "etc/remap.config").write_text(f"map / http://{upstream}/\n")
    (root / "etc/storage.config").write_text(f"{root}/cache 1G\n")
    (root / "runroot.yaml").write_text(f"""prefix: {root}
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {root}/etc
datadir: {root}/cache
localstatedir: {root}/var
runtimedir: {root}/run
logdir: {root}/log
cachedir: {root}/cache
libexecdir: /usr/lib/trafficserver/modules
""")
    for path in [root, *root.rglob("*")]:
        shutil.chown(path, "nobody")
    process = stage.start("trafficserver", [peers.find("traffic_server"),
                                            f"--run-root={root}/runroot.yaml"])
    return running(stage, process, port)


def h2o(stage, size):
    """It has no cache: it serves a file of that size."""
    port = peers.free_port()
    (stage.path / "htdocs").mkdir()
    stage.write("htdocs/one", "x" * size)
    config = stage.write("h2o.conf", f"""num-threads: 1
pid-file: {stage.path}/h2o.pid
user: root
max-connections: 9000
listen: {{host: 127.0.0.1, port: {port}}}
hosts:
  default:
    paths:
      /: {{file.dir: {stage.path}/htdocs}}
""")
    process = stage.start("h2o", [peers.find("h2o"), "-c", config])
    return running(stage, process, port)


ALL = {"larder": larder, "haproxy": haproxy, "nginx": nginx, "varnish": varnish,
       "trafficserver": trafficserver}
