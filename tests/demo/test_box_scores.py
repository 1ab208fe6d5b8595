from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.box_scores import SHOOTING, Average, line, season

averages = st.builds(
    Average,
    minutes=st.floats(0, 48),
    points=st.floats(0, 60),
    rebounds=st.floats(0, 25),
    assists=st.floats(0, 20),
)
positions = st.sampled_from(sorted(SHOOTING))
known = st.dictionaries(st.sampled_from(["pts", "reb", "ast"]), st.integers(0, 100))


@given(averages, positions, known, st.integers(-60, 60), st.text())
def test_a_line_adds_up_and_keeps_what_is_known(
    average: Average, position: str, given: dict[str, int], margin: int, seed: str
) -> None:
    row = line(average, position, given, margin, seed)
    assert row["pts"] == 2 * (row["fgm"] - row["fg3m"]) + 3 * row["fg3m"] + row["ftm"]
    assert row["reb"] == row["oreb"] + row["dreb"]
    for made, tried, rate in (("fgm", "fga", "fg_pct"), ("fg3m", "fg3a", "fg3_pct")):
        assert 0 <= row[made] <= row[tried]
        assert 0 <= row[rate] <= 1
    assert 0 <= row["ftm"] <= row["fta"]
    assert row["fg3m"] <= row["fgm"]
    assert row["fga"] - row["fgm"] >= row["fg3a"] - row["fg3m"]
    assert given.items() <= row.items()
    assert row == line(average, position, given, margin, seed)


@given(averages, positions)
def test_a_season_adds_up(average: Average, position: str) -> None:
    row = season(average, position)
    points = 2 * (row["fgm"] - row["fg3m"]) + 3 * row["fg3m"] + row["ftm"]
    assert abs(points - row["pts"]) < 0.1
    assert abs(row["oreb"] + row["dreb"] - row["reb"]) < 0.02
