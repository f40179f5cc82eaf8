"""The table of attention has both kinds at every length."""

from benchmarks.growth.tables import attention


def test_a_row_has_both_costs(float32):
    """Kills: one kind timed twice under two names, bytes of one head."""
    row = attention.naive_and_fused(64)
    assert row["naive_seconds"] > 0 < row["fused_seconds"]
    assert row["ratio"] == row["naive_seconds"] / row["fused_seconds"]
    assert row["weight_bytes"] == 4 * 4 * 64 * 64
    assert [size for (size,) in attention.TABLE.sizes] == sorted({64, 128, 256, 512, 1024, 2048})
