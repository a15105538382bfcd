import itertools

from hypothesis import given
from hypothesis import strategies as st

from rsmtp.outbox.ranges import Range, cut, joined, ranges_of

numbers = st.sets(st.integers(1, 60))


def members(ranges):
    return [number for one in ranges for number in range(one.first, one.last + 1)]


@given(numbers)
def test_as_few_as_there_may_be(chosen):
    ranges = ranges_of(chosen)
    assert members(ranges) == sorted(chosen)
    assert all(one.last + 1 < other.first for one, other in itertools.pairwise(ranges))
    assert sum(one.total for one in ranges) == len(chosen)


@given(numbers, numbers, numbers)
def test_cut(held, said, wanted):
    marked = [Range(number, number, number in said) for number in sorted(held)]
    inside, outside = cut(joined(marked), ranges_of(wanted))
    assert members(inside) == sorted(held & wanted)
    assert members(outside) == sorted(held - wanted)
    for one in (*inside, *outside):
        assert {number in said for number in members([one])} == {one.said}
