"""Files of random bytes where a key, a backup or a channel's file should be: a sentence says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chansync.demo.woocommerce import DemoServer, DemoShop
from faults import cells
from support import shops


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel with sealed keys; its store is gone."""
    path = tmp_path_factory.mktemp("company") / "chansync.db"
    shop = DemoShop.create(orders=1, seed=1)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
    return path


#: Random, or nearly what belongs there.
FILES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=60).map(lambda rest: b"SQLite format 3\x00" + rest),
    st.binary(min_size=32, max_size=32).map(lambda key: key.hex().encode() + b"\n"),
    st.text(alphabet="0123456789abcdef \n\x00\u00e9", max_size=200).map(str.encode),
)


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=FILES)
def test_no_fault_of_the_program(company: Path, tmp_path: Path, content: bytes) -> None:
    path, other = tmp_path / "chansync.db", tmp_path / "other"
    shutil.copy(company, path)
    key = path.with_suffix(".key")
    for file in (key, other):
        file.unlink(missing_ok=True)
        file.write_bytes(content)
        file.chmod(0o600)
    for words in (
        ["secrets", "status"], ["secrets", "rotate"], ["channel", "set", "demo", "consumer_key=ck_x"],
        ["db", "restore", str(other)], ["channel", "import", str(other)], ["db", "import", str(other)],
        ["--db", str(other), "status"],
    ):  # fmt: skip
        assert cells.objections(words, path) == []
