//! SVG text made lighter, without a change to the picture: a page holds hundreds of charts.

/// What plotters writes though the page's style or SVG itself says the same.
const SAID_ALREADY: [&str; 7] = [
    " opacity=\"1\"",
    " stroke=\"none\"",
    " stroke-width=\"1\"",
    " font-family=\"sans-serif\"",
    " text-anchor=\"start\"",
    " font-size=\"12\"",
    "\n",
];

/// The same picture in fewer bytes: defaults left out, polylines and polygons as paths.
pub(super) fn compact(svg: &str) -> String {
    let svg = SAID_ALREADY.iter().fold(svg.to_string(), |svg, said| svg.replace(said, ""));
    paths(&svg.replace(" \"", "\""))
}

/// Polylines and polygons as paths, whose points are told by their distance from the one before. A path is told to have no
/// filling by the page's style (`.chart path[stroke]`). Opaque lines of one style that follow each other are one path.
fn paths(svg: &str) -> String {
    const END: &str = "\"/>";
    let mut parts = svg.split("<poly");
    let mut out = parts.next().unwrap_or("").to_string();
    // The style of the line at the end of `out`, behind which nothing stands.
    let mut open: Option<String> = None;
    for part in parts {
        let shape = part.split_once(' ').and_then(|(kind, behind)| {
            let (attributes, behind) = behind.split_once("points=\"")?;
            let (points, rest) = behind.split_once('"')?;
            Some((kind, attributes.replace("fill=\"none\" ", ""), path(points)?, rest))
        });
        let Some((kind, attributes, path, rest)) = shape else {
            out.push_str(&format!("<poly{part}"));
            open = None;
            continue;
        };
        if open.as_ref() == Some(&attributes) && kind == "line" {
            out.truncate(out.len() - END.len());
            out.push_str(&format!("{path}\"{rest}"));
        } else {
            let closed = if kind == "gon" { "z" } else { "" };
            out.push_str(&format!("<path {attributes}d=\"{path}{closed}\"{rest}"));
        }
        let is_last = rest == "/>" && kind == "line" && !attributes.contains("opacity");
        open = is_last.then_some(attributes);
    }
    out
}

/// `x,y x,y` as the data of a path. Without the points that lie between two neighbours of the same height: a flat stretch of
/// a timeline weighs two points.
fn path(points: &str) -> Option<String> {
    let point = |text: &str| -> Option<(i32, i32)> {
        let (x, y) = text.split_once(',')?;
        Some((x.parse().ok()?, y.parse().ok()?))
    };
    let points: Vec<(i32, i32)> = points.split(' ').map(point).collect::<Option<_>>()?;
    let is_end = |index: usize| {
        let height = |index: Option<usize>| index.and_then(|index| points.get(index)).map(|point| point.1);
        let own = height(Some(index));
        height(index.checked_sub(1)) != own || height(Some(index + 1)) != own
    };
    let mut ends = (0..points.len()).filter(|index| is_end(*index)).map(|index| points[index]);
    let (mut x, mut y) = ends.next()?;
    let mut path = format!("M{x} {y}");
    for (index, (next_x, next_y)) in ends.enumerate() {
        // One letter for all of them; a minus parts two numbers as well as a space does.
        let separator = if index == 0 { "l" } else { " " };
        for (separator, distance) in [(separator, next_x - x), (" ", next_y - y)] {
            let separator = if distance < 0 { separator.trim() } else { separator };
            path.push_str(&format!("{separator}{distance}"));
        }
        (x, y) = (next_x, next_y);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_path_of_distances_without_what_lies_within_a_flat_stretch() {
        for (points, expected) in [
            ("0,5 1,5 2,5 3,5", "M0 5l3 0"),
            ("10,5 11,5 12,6 13,6 14,6", "M10 5l1 0 1 1 2 0"),
            ("9,1 1,2 2,1", "M9 1l-8 1 1-1"),
            ("9,9 1,1", "M9 9l-8-8"),
            ("7,1", "M7 1"),
        ] {
            let svg =
                format!("<polyline fill=\"none\" stroke=\"#0072B2\" points=\"{points} \"/><text>x</text>");
            let path = format!("<path stroke=\"#0072B2\" d=\"{expected}\"/><text>x</text>");
            assert_eq!(compact(&svg), path);
        }
    }

    #[test]
    fn neighbours_of_one_style_are_one_path() {
        let line = |colour: &str, points: &str| {
            format!("<polyline fill=\"none\" stroke=\"{colour}\" points=\"{points} \"/>")
        };
        let (red, blue) = (|points| line("#F00", points), |points| line("#00F", points));
        for (svg, expected) in [
            ([red("1,1 2,2"), red("5,5 6,5")].concat(), "<path stroke=\"#F00\" d=\"M1 1l1 1M5 5l1 0\"/>"),
            (
                [red("1,1 2,2"), blue("5,5 6,5"), red("7,7 8,8")].concat(),
                "<path stroke=\"#F00\" d=\"M1 1l1 1\"/><path stroke=\"#00F\" d=\"M5 5l1 0\"/><path stroke=\"#F00\" d=\"M7 7l1 1\"/>",
            ),
            (
                [&red("1,1 2,2"), "<rect/>", &red("5,5 6,5")].concat(),
                "<path stroke=\"#F00\" d=\"M1 1l1 1\"/><rect/><path stroke=\"#F00\" d=\"M5 5l1 0\"/>",
            ),
        ] {
            assert_eq!(compact(&svg), expected);
        }
        // Where two of them cross, one path would be lighter than two.
        let faint = red("1,1 2,2").replace("stroke=", "opacity=\"0.5\" stroke=");
        assert_eq!(compact(&[faint.clone(), faint].concat()).matches("<path").count(), 2);
    }

    #[test]
    fn a_polygon_stays_filled_and_closed() {
        let svg = "<polygon opacity=\"0.25\" fill=\"#0072B2\" points=\"1,1 3,1 2,2 \"/>";
        assert_eq!(compact(svg), "<path opacity=\"0.25\" fill=\"#0072B2\" d=\"M1 1l2 0-1 1z\"/>");
    }

    #[test]
    fn what_is_no_list_of_points_stays_as_it_is() {
        for svg in ["<polyline points=\"a,b\"/>", "<polyline/>", "<rect/>"] {
            assert_eq!(compact(svg), svg);
        }
    }
}
