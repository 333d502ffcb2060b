"""Labels of points keep clear of each other."""

from itertools import combinations

from slmeval_cli.report.pictures.placing import LINE_PX, Box, Wanted, placed, width_px

CANVAS = Box(0, 0, 324, 300)


def boxes(wanted: list[Wanted]) -> list[Box]:
    places = placed(wanted, [], CANVAS)
    return [
        Box(
            p.left,
            p.middle - LINE_PX * len(w.lines) / 2,
            p.left + max(map(width_px, w.lines)),
            p.middle + LINE_PX * len(w.lines) / 2,
        )
        for w, p in zip(wanted, places, strict=True)
    ]


class TestLabelsDoNotOverlap:
    def test_of_twelve_models_in_a_crowd(self) -> None:
        wanted = [
            Wanted((f"model-number-{i}",), 130 + 9 * (i % 4), 120 + 8 * (i // 4)) for i in range(12)
        ]
        assert all(a.overlap(b) == 0 for a, b in combinations(boxes(wanted), 2))

    def test_of_points_in_the_same_place(self) -> None:
        wanted = [Wanted((name,), 150, 150) for name in ("one", "two", "three")]
        assert all(a.overlap(b) == 0 for a, b in combinations(boxes(wanted), 2))

    def test_a_label_of_two_lines_takes_the_room_of_two(self) -> None:
        wanted = [Wanted(("a-long-name-", "in-two-lines"), 150, 150), Wanted(("b",), 150, 168)]
        assert all(a.overlap(b) == 0 for a, b in combinations(boxes(wanted), 2))

    def test_none_leaves_the_canvas(self) -> None:
        corners = [(2, 2), (322, 2), (2, 298), (322, 298)]
        for box in boxes([Wanted((f"corner-{x}-{y}",), x, y) for x, y in corners]):
            assert box.left >= 0
            assert box.right <= CANVAS.right
            assert box.top >= 0
            assert box.bottom <= CANVAS.bottom


class TestALabelStaysAtItsPoint:
    def test_one_alone_is_beside_it(self) -> None:
        (place,) = placed([Wanted(("alone",), 100, 100)], [], CANVAS)
        assert (place.middle, place.is_far) == (100, False)

    def test_an_obstacle_moves_it(self) -> None:
        (place,) = placed([Wanted(("moved",), 100, 100)], [Box(102, 95, 200, 105)], CANVAS)
        assert place.left < 100

    def test_the_same_points_give_the_same_places(self) -> None:
        wanted = [Wanted((f"m{i}",), 100 + i, 100) for i in range(8)]
        assert placed(wanted, [], CANVAS) == placed(wanted, [], CANVAS)
