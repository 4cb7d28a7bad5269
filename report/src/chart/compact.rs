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

/// The same picture in fewer bytes: defaults left out, lines and polygons as paths, equal neighbours told
/// once.
pub(super) fn compact(svg: &str) -> String {
    let svg = SAID_ALREADY.iter().fold(svg.to_string(), |svg, said| svg.replace(said, ""));
    texts(&joined(&lines(&paths(&svg.replace(" \"", "\"")))))
}

/// Polylines and polygons as paths, whose points are told by their distance from the one before. A path is
/// told to have no filling by the page's style (`.chart path[stroke]`).
fn paths(svg: &str) -> String {
    let mut parts = svg.split("<poly");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        let shape = part.split_once(' ').and_then(|(kind, behind)| {
            let (attributes, behind) = behind.split_once("points=\"")?;
            let (points, rest) = behind.split_once('"')?;
            let closed = if kind == "gon" { "z" } else { "" };
            let attributes = attributes.replace("fill=\"none\" ", "");
            Some(format!("<path {attributes}d=\"{}{closed}\"{rest}", path(points)?))
        });
        out.push_str(&shape.unwrap_or_else(|| format!("<poly{part}")));
    }
    out
}

/// `x,y x,y` as the data of a path. Without the points that lie between two neighbours of the same height: a
/// flat stretch of a timeline weighs two points.
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

/// The value of `name="value"` within a tag, and the rest of the tag's attributes.
fn cut<'a>(attributes: &'a str, name: &str) -> Option<(&'a str, String)> {
    let start = attributes.find(&format!("{name}=\""))?;
    // `x` is not the end of `max`.
    if start > 0 && !attributes[..start].ends_with(' ') {
        return None;
    }
    let (value, rest) = attributes[start + name.len() + 2..].split_once('"')?;
    Some((value, format!("{}{}", &attributes[..start], rest.trim_start())))
}

/// Grid lines as paths.
fn lines(svg: &str) -> String {
    let mut parts = svg.split("<line ");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        let path = part.split_once("/>").and_then(|(attributes, behind)| {
            let (x1, rest) = cut(attributes, "x1")?;
            let (y1, rest) = cut(&rest, "y1").map(|(y1, rest)| (y1.to_string(), rest))?;
            let (x2, rest) = cut(&rest, "x2").map(|(x2, rest)| (x2.to_string(), rest))?;
            let (y2, rest) = cut(&rest, "y2").map(|(y2, rest)| (y2.to_string(), rest))?;
            let to = if y1 == y2 { format!("H{x2}") } else { format!("L{x2} {y2}") };
            Some(format!("<path {} d=\"M{x1} {y1}{to}\"/>{behind}", rest.trim_end()))
        });
        out.push_str(&path.unwrap_or_else(|| format!("<line {part}")));
    }
    out
}

/// Paths that follow each other and are told apart by their points alone as one path. Filled and faint ones
/// stay apart: where two lie over each other, their common part would be painted once.
fn joined(svg: &str) -> String {
    let mut parts = svg.split("<path ");
    let mut out = parts.next().unwrap_or("").to_string();
    let mut last: Option<&str> = None;
    for part in parts {
        let may_be_joined =
            |attributes: &str| !attributes.contains("fill") && !attributes.contains("opacity");
        let shape = part.split_once("d=\"").filter(|(attributes, _)| may_be_joined(attributes));
        let shape = shape.and_then(|(attributes, rest)| Some((attributes, rest.split_once("\"/>")?)));
        match shape {
            Some((attributes, (data, behind))) if last == Some(attributes) => {
                out.truncate(out.len() - "\"/>".len());
                out.push_str(&format!("{data}\"/>{behind}"));
            }
            _ => out.push_str(&format!("<path {part}")),
        }
        last = shape.filter(|(_, (_, behind))| behind.is_empty()).map(|(attributes, _)| attributes);
    }
    out
}

/// Texts that follow each other and look alike as a group that says once how.
fn texts(svg: &str) -> String {
    let mut parts = svg.split("<text ");
    let mut out = parts.next().unwrap_or("").to_string();
    let (mut look, mut group) = (String::new(), Vec::new());
    for part in parts {
        let (element, behind) = part.split_once("</text>").unwrap_or((part, ""));
        match text(element) {
            Some((own, text)) => {
                if own != look {
                    close(&mut out, &look, &mut group);
                    look = own;
                }
                group.push(text);
            }
            None => {
                close(&mut out, &look, &mut group);
                out.push_str(&format!("<text {element}</text>"));
            }
        }
        if !behind.is_empty() {
            close(&mut out, &look, &mut group);
            out.push_str(behind);
        }
    }
    close(&mut out, &look, &mut group);
    out
}

/// How a text looks, and where it stands and what it says: `x="1" y="2">text`.
fn text(element: &str) -> Option<(String, String)> {
    let (attributes, content) = element.split_once('>')?;
    if attributes.contains("transform") {
        return None;
    }
    let (x, rest) = cut(attributes, "x")?;
    let (y, rest) = cut(&rest, "y").map(|(y, rest)| (y.to_string(), rest))?;
    let (dy, rest) =
        cut(&rest, "dy").map_or((String::new(), rest.clone()), |(dy, rest)| (dy.to_string(), rest));
    let size = cut(&rest, "font-size").and_then(|(size, _)| size.parse::<f64>().ok()).unwrap_or(12.0);
    // plotters' three ways to align; an ex is about 0.54 em in the fonts of a page.
    let em = match dy.as_str() {
        "" => 0.0,
        "0.76em" => 0.76,
        "0.5ex" => 0.27,
        "-0.5ex" => -0.27,
        _ => return None,
    };
    let y = y.parse::<f64>().ok()? + em * size;
    Some((rest.trim().to_string(), format!("x=\"{x}\" y=\"{y:.0}\">{content}")))
}

fn close(out: &mut String, look: &str, group: &mut Vec<String>) {
    match &group[..] {
        [] => return,
        [only] => out.push_str(&format!("<text {look} {only}</text>").replace("<text  ", "<text ")),
        _ => {
            out.push_str(&format!("<g {look}>"));
            group.iter().for_each(|text| out.push_str(&format!("<text {text}</text>")));
            out.push_str("</g>");
        }
    }
    group.clear();
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
    fn lines_that_look_alike_become_one_path() {
        let line = |y| {
            format!(
                "<line opacity=\"1\" stroke=\"#DDDDDD\" stroke-width=\"1\" x1=\"56\" y1=\"{y}\" x2=\"807\" y2=\"{y}\"/>"
            )
        };
        let axis = "<polyline fill=\"none\" stroke=\"#DDDDDD\" points=\"55,46 55,207 \"/>";
        let other = "<polyline fill=\"none\" stroke=\"#D55E00\" points=\"1,2 3,4 \"/>";
        let found = compact(&(line(207) + &line(165) + axis + other + &line(9)));
        let expected = "<path stroke=\"#DDDDDD\" d=\"M56 207H807M56 165H807M55 46l0 161\"/>\
                        <path stroke=\"#D55E00\" d=\"M1 2l2 2\"/><path stroke=\"#DDDDDD\" d=\"M56 9H807\"/>";
        assert_eq!(found, expected);
        let slope = "<line stroke=\"#DDDDDD\" x1=\"1\" y1=\"2\" x2=\"3\" y2=\"4\"/>";
        assert_eq!(compact(slope), "<path stroke=\"#DDDDDD\" d=\"M1 2L3 4\"/>");
    }

    #[test]
    fn areas_that_look_alike_stay_apart() {
        let area = "<path opacity=\"0.25\" fill=\"#0072B2\" d=\"M1 1l2 0-1 1z\"/>";
        assert_eq!(compact(&area.repeat(2)), area.repeat(2));
    }

    #[test]
    fn texts_that_look_alike_say_once_how() {
        let text = |y, text| {
            format!("<text x=\"5\" y=\"{y}\" dy=\"0.5ex\" text-anchor=\"end\" fill=\"#666666\">{text}</text>")
        };
        let middle = "<text x=\"1\" y=\"2\" dy=\"0.76em\" fill=\"#333333\">a &lt;b&gt;</text>";
        let found = compact(&(text(10, "0") + &text(20, "5") + middle + "<circle/>" + &text(30, "9")));
        let expected = "<g text-anchor=\"end\" fill=\"#666666\"><text x=\"5\" y=\"13\">0</text>\
                        <text x=\"5\" y=\"23\">5</text></g><text fill=\"#333333\" x=\"1\" y=\"11\">a &lt;b&gt;</text>\
                        <circle/><text text-anchor=\"end\" fill=\"#666666\" x=\"5\" y=\"33\">9</text>";
        assert_eq!(found, expected);
        let turned = "<text x=\"5\" y=\"5\" transform=\"rotate(270, 5, 5)\">bytes</text>";
        assert_eq!(compact(turned), turned, "what is turned stays");
    }

    #[test]
    fn what_is_no_list_of_points_stays_as_it_is() {
        for svg in [
            "<line x1=\"1\"/>",
            "<text x=\"a\" y=\"b\">c</text>",
            "<text dx=\"1\">c</text>",
            "<polyline points=\"a,b\"/>",
            "<polyline/>",
            "<rect/>",
        ] {
            assert_eq!(compact(svg), svg);
        }
    }
}
