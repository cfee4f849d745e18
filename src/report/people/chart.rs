//! Charts as inline SVG. Parts are told apart by pattern and place as well as by colour; the table
//! of numbers stands below, so that nothing is said by the drawing alone.

use super::page::Chart;
use super::page::ChartForm;
use super::parts;
use crate::report::add;
use crate::report::escape;
use crate::report::facts::count;

/// Width of every chart, in its own units. Chosen: the text column at its full width.
const WIDTH: f64 = 720.0;
/// Most characters of a label. Chosen: what the width holds at 13 units per line.
const LABEL_CHARS_MAX: usize = 88;
/// Room for the number behind a bar. Chosen: "1,234,567 (100.0 %)".
const NUMBER_WIDTH: f64 = 150.0;
/// Height of a bar with its label.
const BAR_PITCH: f64 = 44.0;
/// Height of the part of a chart that columns stand in.
const COLUMNS_HEIGHT: f64 = 200.0;
/// Room left of the columns for the numbers of the axis.
const AXIS_WIDTH: f64 = 52.0;
/// Widest column.
const COLUMN_WIDTH_MAX: f64 = 44.0;
/// Most labels below the columns. Chosen: they do not touch.
const TICKS_MAX: usize = 9;

/// The patterns that the parts are filled with; once in a page.
pub(super) const PATTERNS: &str = "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\" focusable=\"false\"><defs>\
<pattern id=\"hatch-flag\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect class=\"p-flag\" width=\"7\" height=\"7\"/><rect class=\"ink\" width=\"2\" height=\"7\"/></pattern>\
<pattern id=\"hatch-undecided\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"p-undecided\" width=\"8\" height=\"8\"/><circle class=\"ink\" cx=\"4\" cy=\"4\" r=\"1.6\"/></pattern>\
<pattern id=\"hatch-note\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect class=\"p-note\" width=\"6\" height=\"6\"/><rect class=\"ink\" width=\"6\" height=\"1.5\"/></pattern>\
</defs></svg>\n";

/// What a part is filled with.
fn fill(class: &'static str) -> &'static str {
    match class {
        "p-flag" => "fill=\"url(#hatch-flag)\"",
        "p-undecided" => "fill=\"url(#hatch-undecided)\"",
        "p-note" => "fill=\"url(#hatch-note)\"",
        "p-block" => "class=\"p-block\"",
        "p-pass" => "class=\"p-pass\"",
        _ => "class=\"p-one\"",
    }
}

/// The drawing. `id` is unique in the page.
pub(super) fn svg(chart: &Chart, id: &str) -> String {
    let legend = chart.parts.len() > 1;
    let top = if legend { 30.0 } else { 4.0 };
    let (height, inside) = match chart.form {
        ChartForm::Bars => bars(chart, top),
        ChartForm::Columns => columns(chart, top),
    };
    let mut out = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n",
        escape::html(&chart.title),
        escape::html(&chart.says)
    );
    if legend {
        let mut x = 0.0;
        for (place, part) in chart.parts.iter().enumerate() {
            let fill = fill(parts::class(part, place));
            add(
                &mut out,
                format_args!(
                    "<rect {fill} x=\"{x:.0}\" y=\"4\" width=\"16\" height=\"14\"/><text x=\"{:.0}\" y=\"16\">{}</text>\n",
                    x + 22.0,
                    escape::html(part)
                ),
            );
            x += 22.0 + 8.0 * part.chars().count() as f64 + 26.0;
        }
    }
    out.push_str(&inside);
    out.push_str("</svg>\n");
    out
}

fn bars(chart: &Chart, top: f64) -> (f64, String) {
    let mut out = String::new();
    let most = chart
        .rows
        .iter()
        .map(|(_, counts)| counts.iter().sum::<u64>())
        .max()
        .unwrap_or(0)
        .max(1);
    let room = WIDTH - NUMBER_WIDTH;
    let mut y = top;
    for (label, counts) in &chart.rows {
        let sum: u64 = counts.iter().sum();
        add(
            &mut out,
            format_args!(
                "<text x=\"0\" y=\"{:.0}\">{}</text>\n",
                y + 14.0,
                escape::html(&escape::shorten(label, LABEL_CHARS_MAX))
            ),
        );
        let mut x = 0.0;
        for (place, (part, count)) in chart.parts.iter().zip(counts).enumerate() {
            if *count == 0 {
                continue;
            }
            // What is there is seen, however little it is.
            let width = (room * *count as f64 / most as f64).max(2.0);
            let fill = fill(parts::class(part, place));
            add(
                &mut out,
                format_args!(
                    "<rect {fill} x=\"{x:.1}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"16\"/>\n",
                    y + 20.0
                ),
            );
            x += width + 1.0;
        }
        let share = parts::share(sum, chart.of);
        let share = if share.is_empty() {
            share
        } else {
            escape::html(&format!(" ({share})"))
        };
        add(
            &mut out,
            format_args!(
                "<text class=\"number\" x=\"{:.1}\" y=\"{:.0}\">{}{share}</text>\n",
                x + 6.0,
                y + 33.0,
                count(sum)
            ),
        );
        y += BAR_PITCH;
    }
    (y + 2.0, out)
}

/// The steps of an axis up to `most`: 1, 2 or 5 times a power of ten, four at most.
fn step(most: u64) -> u64 {
    let mut size = 1_u64;
    loop {
        for step in [size, size.saturating_mul(2), size.saturating_mul(5)] {
            if most <= step.saturating_mul(4) {
                return step;
            }
        }
        size = size.saturating_mul(10);
    }
}

fn columns(chart: &Chart, top: f64) -> (f64, String) {
    let mut out = String::new();
    let most = chart
        .rows
        .iter()
        .map(|(_, counts)| counts.iter().sum::<u64>())
        .max()
        .unwrap_or(0)
        .max(1);
    let step = step(most);
    let steps = most.div_ceil(step);
    let whole = (steps * step) as f64;
    let bottom = top + 10.0 + COLUMNS_HEIGHT;
    let height_of = |count: u64| COLUMNS_HEIGHT * count as f64 / whole;
    for at in 0..=steps {
        let y = bottom - height_of(at * step);
        add(
            &mut out,
            format_args!(
                "<line class=\"grid\" x1=\"{AXIS_WIDTH}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"number\" text-anchor=\"end\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
                AXIS_WIDTH - 8.0,
                y + 4.5,
                count(at * step)
            ),
        );
    }
    let pitch = (WIDTH - AXIS_WIDTH) / chart.rows.len().max(1) as f64;
    let width = (pitch * 0.7).min(COLUMN_WIDTH_MAX);
    let every = chart.rows.len().div_ceil(TICKS_MAX).max(1);
    for (at, (label, counts)) in chart.rows.iter().enumerate() {
        let middle = AXIS_WIDTH + pitch * (at as f64 + 0.5);
        let mut y = bottom;
        for (place, (part, count)) in chart.parts.iter().zip(counts).enumerate() {
            if *count == 0 {
                continue;
            }
            let tall = height_of(*count);
            y -= tall;
            let fill = fill(parts::class(part, place));
            add(
                &mut out,
                format_args!(
                    "<rect {fill} x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>\n",
                    middle - width / 2.0,
                    (tall - 1.0).max(1.0)
                ),
            );
        }
        if at % every == 0 {
            add(
                &mut out,
                format_args!(
                    "<text text-anchor=\"middle\" x=\"{middle:.1}\" y=\"{:.0}\">{}</text>\n",
                    bottom + 18.0,
                    escape::html(label)
                ),
            );
        }
    }
    (bottom + 26.0, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_an_axis_are_round_and_few() {
        for (most, expected) in [
            (1, 1),
            (4, 1),
            (5, 2),
            (8, 2),
            (9, 5),
            (20, 5),
            (21, 10),
            (81, 50),
            (1_000_000, 500_000),
        ] {
            assert_eq!(step(most), expected, "{most}");
        }
        assert!(step(u64::MAX) > 0);
    }

    #[test]
    fn a_bar_is_as_long_as_its_count() {
        let chart = Chart {
            form: ChartForm::Bars,
            title: "t".into(),
            says: "s".into(),
            rows_are: "r".into(),
            unit: "rows".into(),
            parts: vec!["rows".into()],
            rows: vec![("a".into(), vec![400]), ("b".into(), vec![100])],
            of: Some(1_000),
        };
        let drawn = svg(&chart, "c1");
        let widths: Vec<f64> = drawn
            .split("<rect class=\"p-one\"")
            .skip(1)
            .map(|rest| {
                let (_, rest) = rest.split_once("width=\"").expect("width");
                rest.split('"')
                    .next()
                    .expect("end")
                    .parse()
                    .expect("number")
            })
            .collect();
        assert_eq!(widths.len(), 2);
        assert!((widths[0] / widths[1] - 4.0).abs() < 0.01, "{widths:?}");
        assert!(drawn.contains("400 (40.0 %)"), "{drawn}");
    }
}
