"""The files for packages: systemd's own tool finds nothing wrong with the units."""
import shutil
import subprocess

import pytest

import larder

PACKAGING = larder.ROOT / "packaging"


def test_the_configuration_of_the_package_is_right():
    assert larder.run("check", "-c", str(PACKAGING / "larder.yaml")).returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    for unit in ("larder.service", "larder.socket"):
        text = (PACKAGING / unit).read_text().replace("/usr/bin/larder", larder.binary())
        (tmp_path / unit).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                           str(tmp_path / "larder.service"), str(tmp_path / "larder.socket")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=larder.PATIENCE_S)
    assert done.returncode == 0 and "larder" not in done.stdout, done.stdout


def test_the_service_is_shut_in():
    text = (PACKAGING / "larder.service").read_text()
    for line in ("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "NoNewPrivileges=yes",
                 "ProtectSystem=strict", "PrivateTmp=yes", "MemoryDenyWriteExecute=yes",
                 "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
                 "SystemCallFilter=@system-service", "LimitNOFILE=1048576", "DynamicUser=yes"):
        assert f"\n{line}\n" in text, line
