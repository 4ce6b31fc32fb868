"""`broadcaster dictionary` and `broadcaster spoken` as a person types them."""

import json
from pathlib import Path

from tests.acceptance.office import Office


def test_a_commune_s_words_are_set_shown_exported_and_heard(office: Office) -> None:
    done = office.run("dictionary", "set", "K7", "kho bảy", "--commune", "kep", "--example", "khu K7", "--as", "writer")
    assert "khu K7 → khu kho bảy" in done.stdout
    (office.folder / "words.csv").write_text("written,spoken\nPCBG,điện lực\n", encoding="utf-8")
    office.run("dictionary", "import", "words.csv", "--commune", "kep", "--as", "writer")
    rows = json.loads(office.run("dictionary", "list", "--commune", "kep", "--json").stdout)
    assert [(row["written"], row["version"]) for row in rows] == [("K7", 1), ("PCBG", 1)]
    exported = office.run("dictionary", "export", "--commune", "kep").stdout
    assert exported.splitlines()[1] == "K7,kho bảy,khu K7,khu kho bảy"
    heard = office.run("spoken", "--commune", "kep", given="PCBG báo khu K7\n")
    assert heard.stdout == "điện lực báo khu kho bảy\n"
    assert office.run("dictionary", "remove", "K7", "--commune", "kep", "--as", "writer").returncode == 0
    assert office.run("spoken", "--commune", "kep", given="khu K7\n").stdout == "khu ca bảy\n"


def test_what_is_wrong_with_a_file_is_told_and_nothing_is_set(office: Office) -> None:
    (office.folder / "words.csv").write_text("written,spoken\nK7,ca bảy\nK8,ca 8\n", encoding="utf-8")
    done = office.run("dictionary", "import", "words.csv", "--commune", "kep", "--as", "writer", code=2)
    assert "K8" in done.stderr
    assert "no entry" in office.run("dictionary", "list", "--commune", "kep").stdout


def test_a_dictionary_belongs_to_one_commune_or_one_source(office: Office) -> None:
    assert "--commune or --source" in office.run("dictionary", "list", code=2).stderr
    assert "no commune xyz" in office.run("spoken", "--commune", "xyz", given="a\n", code=2).stderr


def test_spoken_as_json_points_from_every_span_to_what_was_written(office: Office) -> None:
    done = office.run("spoken", "--json", given="Gọi 1900 1234\nchú ý ⇒\n")
    called, arrow = map(json.loads, done.stdout.splitlines())
    assert [(s["spoken"], s["rule"]) for s in called["spans"] if s["rule"]] == [
        ("một chín không không, một hai ba bốn", "phone")
    ]
    assert called["claims"][0]["standing"] == "premium"
    assert arrow["is_sayable"] is False
    assert "Line 2:" in done.stderr


def test_spoken_needs_no_database(tmp_path: Path) -> None:
    done = Office(tmp_path).run("spoken", "--json", given="Gọi 113\n")
    assert json.loads(done.stdout)["claims"][0]["standing"] == "verified"
    assert list(tmp_path.rglob("*.db")) == []
