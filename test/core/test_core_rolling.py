"""Shares of the last minute, and no others."""

from unet_perception.core.rolling import RollingRatio

S = 1_000_000_000


def test_without_events_there_is_no_ratio() -> None:
    assert RollingRatio().ratio(5 * S) is None


def test_the_ratio_is_of_the_last_seconds_only() -> None:
    rolling = RollingRatio(10)
    for second in range(30):
        for k in range(4):
            rolling.record(is_miss=k == 0 and second < 25, now_ns=second * S + k)
    assert rolling.ratio(29 * S) == 5 / 40
    assert rolling.ratio(36 * S) == 0.0
    assert rolling.ratio(60 * S) is None
