"""Certificates for tests, made by the openssl command: an authority and what it signs.

    ca = Authority(folder)
    shop = ca.issue("shop", "shop.example", "*.shop.example")   # .file, .key
    ca.file                                                     # to be trusted
"""
import subprocess

PATIENCE_S = 60


def openssl(*words, **options):
    return subprocess.run(["openssl", *map(str, words)], check=True, timeout=PATIENCE_S,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options).stdout


class Pair:
    """A certificate and its key."""

    def __init__(self, folder, name):
        self.file = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"


def _make_key(pair):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out",
            pair.key)


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder = folder
        pair = Pair(folder, name)
        self.file, self.key = pair.file, pair.key
        _make_key(pair)
        openssl("req", "-x509", "-new", "-key", self.key, "-days", 30, "-subj", f"/CN={name}",
                "-out", self.file)

    def issue(self, name, *hosts, days=30):
        """A certificate for these names (an address is written IP:127.0.0.1)."""
        pair = Pair(self.folder, name)
        _make_key(pair)
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        names = ",".join(host if host.startswith("IP:") else f"DNS:{host}" for host in hosts)
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("req", "-new", "-key", pair.key, "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key,
                "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", pair.file)
        return pair
