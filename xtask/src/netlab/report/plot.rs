//! Distributions of delays as a picture.

use std::fmt::Write as _;

use super::super::statistics::Sorted;

/// One peer's delays in microseconds.
pub(super) struct Curve {
    pub(super) name: String,
    /// RTM's are thicker.
    pub(super) is_ours: bool,
    pub(super) values: Sorted,
    /// How many there should have been; missing ones are beyond the right edge.
    pub(super) expected: usize,
}

/// An SVG: share of messages that arrived in time over the time, both logarithmic, so that the
/// tail can be seen. Readable on light and dark ground.
pub(super) fn draw(title: &str, curves: &[Curve]) -> String {
    let height = TOP + PLOT_HEIGHT + BOTTOM;
    let width = LEFT + PLOT_WIDTH + RIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<style>text{{fill:#333}}.g{{stroke:#8888;\
         stroke-width:.5}}.c{{fill:none;stroke-width:1.5}}@media(prefers-color-scheme:dark)\
         {{text{{fill:#ccc}}}}</style>\n\
         <text x=\"{LEFT}\" y=\"18\" font-size=\"14\">{title}</text>\n"
    );
    axes(&mut svg);
    for (index, curve) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let thick = if curve.is_ours { " stroke-width=\"3\" style=\"stroke-width:3\"" } else { "" };
        // What comes after all colours were used.
        let dashes = if index >= COLOURS.len() { " stroke-dasharray=\"5 3\"" } else { "" };
        let style = format!("class=\"c\" stroke=\"{colour}\"{thick}{dashes}");
        let _ = writeln!(svg, "<polyline {style} points=\"{}\"/>", points(curve));
        let (x, y) = (LEFT + PLOT_WIDTH + 10.0, TOP + 8.0 + 17.0 * index as f64);
        let _ = writeln!(svg, "<path {style} d=\"M{x} {y}h18\"/>");
        let (x, y) = (x + 24.0, y + 4.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{}</text>", curve.name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String) {
    let (right, bottom) = (LEFT + PLOT_WIDTH, TOP + PLOT_HEIGHT);
    for (millis, label) in [
        (50.0, "50 ms"),
        (100.0, "100 ms"),
        (200.0, "200 ms"),
        (500.0, "0.5 s"),
        (1_000.0, "1 s"),
        (2_000.0, "2 s"),
        (5_000.0, "5 s"),
        (10_000.0, "10 s"),
        (20_000.0, "20 s"),
    ] {
        let x = x(millis);
        let _ = writeln!(svg, "<path class=\"g\" d=\"M{x:.1} {TOP}V{bottom}\"/>");
        let y = bottom + 16.0;
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>");
    }
    for (share, label) in
        [(0.0, "0 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")]
    {
        let y = y(share);
        let _ = writeln!(svg, "<path class=\"g\" d=\"M{LEFT} {y:.1}H{right}\"/>");
        let (x, y) = (LEFT - 6.0, y + 4.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>");
    }
    let (x, y) = (LEFT, bottom + 34.0);
    let text = "share of messages that came within a time from the one they were to be sent at";
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{text}</text>");
}

/// Steps so small that they look smooth.
fn points(curve: &Curve) -> String {
    let steps = 160;
    let ratio = (MILLIS_MAX / MILLIS_MIN).ln() / f64::from(steps);
    let mut points: Vec<String> = Vec::new();
    let mut last = None;
    for step in 0..=steps {
        let millis = MILLIS_MIN * (ratio * f64::from(step)).exp();
        let share = curve.values.share_until((millis * 1_000.0) as u64, curve.expected);
        let point = format!("{:.1},{:.1}", x(millis), y(share));
        if last.is_some_and(|(_, earlier)| earlier >= 1.0) {
            // Nothing more to come.
            break;
        }
        match last {
            // Of a flat stretch only the ends matter.
            Some((true, same)) if same == share => drop(points.pop()),
            _ => {}
        }
        last = Some((last.is_some_and(|(_, earlier)| earlier == share), share));
        points.push(point);
    }
    points.join(" ")
}

fn x(millis: f64) -> f64 {
    LEFT + PLOT_WIDTH * (millis / MILLIS_MIN).ln() / (MILLIS_MAX / MILLIS_MIN).ln()
}

/// Each further nine has the same room.
fn y(share: f64) -> f64 {
    let nines = -(1.0 - share).max(TAIL_MIN).log10();
    TOP + PLOT_HEIGHT * (1.0 - nines / -TAIL_MIN.log10())
}

const LEFT: f64 = 60.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 44.0;
const PLOT_WIDTH: f64 = 560.0;
const PLOT_HEIGHT: f64 = 320.0;
const MILLIS_MIN: f64 = 20.0;
const MILLIS_MAX: f64 = 40_000.0;
/// Share of messages in the tail that is still shown.
const TAIL_MIN: f64 = 0.000_5;
/// Of middle brightness.
const COLOURS: &[&str] = &[
    "#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#17a2b8", "#c2a000", "#e377c2",
    "#8c6d5a", "#7f7f7f",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_climbs_from_left_to_right_and_ends_where_messages_are_missing() {
        let values = Sorted::new((1..=90).map(|n| n * 10_000).collect());
        let curve = Curve { name: "x".to_owned(), is_ours: false, values, expected: 100 };
        let points = points(&curve);
        let pairs: Vec<(f64, f64)> = points
            .split(' ')
            .filter_map(|pair| pair.split_once(','))
            .map(|(x, y)| (x.parse().expect("x"), y.parse().expect("y")))
            .collect();
        assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 >= two[1].1));
        assert!((pairs[pairs.len() - 1].1 - y(0.9)).abs() < 0.1, "{points}");
    }

    #[test]
    fn a_picture_names_its_curves() {
        let values = Sorted::new(vec![60_000; 10]);
        let curve = Curve { name: "kcp".to_owned(), is_ours: true, values, expected: 10 };
        let svg = draw("10 % loss", &[curve]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert_eq!((svg.matches("<polyline").count(), svg.matches(">kcp<").count()), (1, 1));
    }
}
