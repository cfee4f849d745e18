//! Where the boxes of a drawing stand: in layers from left to right, as material flows.
//!
//! Layers by the longest way, an edge over several layers bent around what stands between, boxes in
//! a layer in the order of what they hang on. Statements may make cycles: an edge that closes one
//! runs backwards in the drawing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Width of a box.
pub(crate) const BOX_WIDTH: f64 = 232.0;
/// Height of a box.
pub(crate) const BOX_HEIGHT: f64 = 62.0;
/// Room between layers: the words on an edge stand there.
pub(crate) const LAYER_GAP: f64 = 132.0;
/// Room between boxes of a layer.
const BOX_GAP: f64 = 26.0;
/// Height of an edge that passes through a layer.
const PASSING_HEIGHT: f64 = 18.0;
/// Times that the order within layers is improved. Chosen: more changes nothing in graphs that a
/// person looks at.
const SWEEPS: usize = 8;

/// A place in the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Upper left corner of each box.
    pub(super) boxes: Vec<Point>,
    /// The places that each edge passes between its ends, by its ends, in the direction of flow.
    pub(super) bends: BTreeMap<(usize, usize), Vec<Point>>,
}

/// A box or an edge that passes.
struct Item {
    layer: usize,
    passing: bool,
    y: f64,
}

/// Places `count` boxes; `edges` are pairs of places of boxes, those out of range are left out.
pub(super) fn layout(count: usize, edges: &[(usize, usize)]) -> Layout {
    let known: BTreeSet<(usize, usize)> = edges
        .iter()
        .copied()
        .filter(|(from, to)| from != to && *from < count && *to < count)
        .collect();
    let forward = without_cycles(count, &known);
    let layers = layers(count, &forward);
    let mut items: Vec<Item> = layers
        .iter()
        .map(|layer| Item {
            layer: *layer,
            passing: false,
            y: 0.0,
        })
        .collect();
    // Short edges between neighbouring layers, over passing places where an edge is longer.
    let mut short: Vec<(usize, usize)> = Vec::new();
    let mut passes: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (from, to) in &forward {
        let (first, last) = (at(&layers, *from), at(&layers, *to));
        let mut before = *from;
        let mut way = Vec::new();
        for layer in first + 1..last {
            let place = items.len();
            items.push(Item {
                layer,
                passing: true,
                y: 0.0,
            });
            short.push((before, place));
            way.push(place);
            before = place;
        }
        short.push((before, *to));
        passes.insert((*from, *to), way);
    }
    let rows = order(&items, &short);
    place(&mut items, &rows, &short);
    finish(count, &items, &known, &passes)
}

fn at(list: &[usize], place: usize) -> usize {
    list.get(place).copied().unwrap_or(0)
}

/// The edges, those that close a cycle turned around.
fn without_cycles(count: usize, edges: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        if let Some(next) = next.get_mut(*from) {
            next.push(*to);
        }
    }
    let mut state = vec![0_u8; count];
    let mut out = BTreeSet::new();
    for start in 0..count {
        let mut way = vec![(start, 0)];
        if state.get(start) != Some(&0) {
            continue;
        }
        while let Some((place, done)) = way.pop() {
            if let Some(state) = state.get_mut(place) {
                *state = 1;
            }
            let Some(to) = next.get(place).and_then(|next| next.get(done)).copied() else {
                if let Some(state) = state.get_mut(place) {
                    *state = 2;
                }
                continue;
            };
            way.push((place, done + 1));
            match state.get(to) {
                Some(1) => {
                    out.insert((to, place));
                }
                Some(0) => {
                    out.insert((place, to));
                    way.push((to, 0));
                }
                _ => {
                    out.insert((place, to));
                }
            }
        }
    }
    out
}

/// The layer of each box: one more than the farthest of what flows in; what nothing flows into
/// stands beside what it flows to.
fn layers(count: usize, edges: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let mut missing = vec![0_usize; count];
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        if let (Some(missing), Some(next)) = (missing.get_mut(*to), next.get_mut(*from)) {
            *missing += 1;
            next.push(*to);
        }
    }
    let first: Vec<usize> = (0..count)
        .filter(|place| missing.get(*place) == Some(&0))
        .collect();
    let mut ready = first.clone();
    let mut layers = vec![0_usize; count];
    while let Some(place) = ready.pop() {
        let own = at(&layers, place);
        for to in next.get(place).map_or(&[][..], Vec::as_slice) {
            if let Some(layer) = layers.get_mut(*to) {
                *layer = (*layer).max(own + 1);
            }
            if let Some(missing) = missing.get_mut(*to) {
                *missing -= 1;
                if *missing == 0 {
                    ready.push(*to);
                }
            }
        }
    }
    for place in first {
        let nearest = next
            .get(place)
            .and_then(|next| next.iter().map(|to| at(&layers, *to)).min());
        if let (Some(nearest), Some(layer)) = (nearest, layers.get_mut(place)) {
            *layer = nearest.saturating_sub(1);
        }
    }
    layers
}

/// The items of each layer in order, so that few edges cross.
fn order(items: &[Item], short: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let depth = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
    for (place, item) in items.iter().enumerate() {
        if let Some(row) = rows.get_mut(item.layer) {
            row.push(place);
        }
    }
    let mut rank = vec![0.0_f64; items.len()];
    rerank(&rows, &mut rank);
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let layers: Vec<usize> = if forward {
            (0..depth).collect()
        } else {
            (0..depth).rev().collect()
        };
        for layer in layers {
            let mut wanted: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
            for (from, to) in short {
                let (own, other) = if forward { (to, from) } else { (from, to) };
                if items.get(*own).map(|item| item.layer) == Some(layer) {
                    let sum = wanted.entry(*own).or_default();
                    sum.0 += rank.get(*other).copied().unwrap_or(0.0);
                    sum.1 += 1.0;
                }
            }
            if let Some(row) = rows.get_mut(layer) {
                let key = |place: &usize| match wanted.get(place) {
                    Some((sum, count)) => sum / count,
                    None => rank.get(*place).copied().unwrap_or(0.0),
                };
                row.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
            }
            rerank(&rows, &mut rank);
        }
    }
    rows
}

/// Ranks between 0 and 1, so that layers of different size compare.
fn rerank(rows: &[Vec<usize>], rank: &mut [f64]) {
    for row in rows {
        for (at, place) in row.iter().enumerate() {
            if let Some(rank) = rank.get_mut(*place) {
                *rank = (at as f64 + 0.5) / row.len() as f64;
            }
        }
    }
}

fn tall(item: &Item) -> f64 {
    if item.passing {
        PASSING_HEIGHT
    } else {
        BOX_HEIGHT + BOX_GAP
    }
}

/// Heights: everything near the middle of what it hangs on, nothing over another.
fn place(items: &mut [Item], rows: &[Vec<usize>], short: &[(usize, usize)]) {
    for row in rows {
        let whole: f64 = row.iter().filter_map(|at| items.get(*at)).map(tall).sum();
        let mut y = -whole / 2.0;
        for at in row {
            if let Some(item) = items.get_mut(*at) {
                let tall = tall(item);
                item.y = y + tall / 2.0;
                y += tall;
            }
        }
    }
    for sweep in 0..SWEEPS {
        let mut sums: Vec<(f64, f64)> = vec![(0.0, 0.0); items.len()];
        for (from, to) in short {
            let ends = (items.get(*from).map(|i| i.y), items.get(*to).map(|i| i.y));
            let (Some(above), Some(below)) = ends else {
                continue;
            };
            for (own, other) in [(*from, below), (*to, above)] {
                if let Some(sum) = sums.get_mut(own) {
                    sum.0 += other;
                    sum.1 += 1.0;
                }
            }
        }
        // Half the way each time: two neighbours that wait for each other would jump for ever.
        let part = if sweep + 1 == SWEEPS { 1.0 } else { 0.5 };
        for row in rows {
            let wanted: Vec<(f64, f64)> = row
                .iter()
                .filter_map(|at| Some((items.get(*at)?, sums.get(*at)?)))
                .map(|(item, (sum, count))| {
                    let middle = if *count > 0.0 { sum / count } else { item.y };
                    (item.y + (middle - item.y) * part, tall(item))
                })
                .collect();
            for (at, y) in row.iter().zip(apart(&wanted)) {
                if let Some(item) = items.get_mut(*at) {
                    item.y = y;
                }
            }
        }
    }
}

/// Middles as near to those wanted as nothing overlaps: the mean of pushing down and pushing up,
/// of which each leaves enough room.
fn apart(wanted: &[(f64, f64)]) -> Vec<f64> {
    let mut down = Vec::with_capacity(wanted.len());
    let mut before: Option<(f64, f64)> = None;
    for (y, tall) in wanted {
        let y = before.map_or(*y, |(above, its)| y.max(above + its / 2.0 + tall / 2.0));
        down.push(y);
        before = Some((y, *tall));
    }
    let mut up = Vec::with_capacity(wanted.len());
    before = None;
    for (y, tall) in wanted.iter().rev() {
        let y = before.map_or(*y, |(below, its)| y.min(below - its / 2.0 - tall / 2.0));
        up.push(y);
        before = Some((y, *tall));
    }
    down.iter()
        .zip(up.iter().rev())
        .map(|(down, up)| (down + up) / 2.0)
        .collect()
}

fn finish(
    count: usize,
    items: &[Item],
    known: &BTreeSet<(usize, usize)>,
    passes: &BTreeMap<(usize, usize), Vec<usize>>,
) -> Layout {
    let top = items
        .iter()
        .map(|item| item.y - tall(item) / 2.0)
        .fold(f64::INFINITY, f64::min);
    let bottom = items
        .iter()
        .map(|item| item.y + tall(item) / 2.0)
        .fold(f64::NEG_INFINITY, f64::max);
    let depth = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
    let left = |layer: usize| layer as f64 * (BOX_WIDTH + LAYER_GAP);
    let middle = |item: &Item| Point {
        x: left(item.layer) + BOX_WIDTH / 2.0,
        y: item.y - top,
    };
    let bends = known
        .iter()
        .map(|(from, to)| {
            let way = match (passes.get(&(*from, *to)), passes.get(&(*to, *from))) {
                (Some(way), _) => way.clone(),
                (None, Some(way)) => way.iter().rev().copied().collect(),
                (None, None) => Vec::new(),
            };
            let way = way
                .iter()
                .filter_map(|at| items.get(*at))
                .map(middle)
                .collect();
            ((*from, *to), way)
        })
        .collect();
    Layout {
        width: (left(depth) - LAYER_GAP).max(0.0),
        height: if items.is_empty() { 0.0 } else { bottom - top },
        boxes: items
            .iter()
            .take(count)
            .map(|item| Point {
                x: left(item.layer),
                y: item.y - top - BOX_HEIGHT / 2.0,
            })
            .collect(),
        bends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether a box stands in a layer.
    fn stands_in(layout: &Layout, place: usize, layer: f64) -> bool {
        (layout.boxes[place].x - layer * (BOX_WIDTH + LAYER_GAP)).abs() < 0.01
    }

    #[test]
    fn a_chain_runs_to_the_right_and_a_long_edge_bends() {
        let layout = layout(4, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        for (place, layer) in [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)] {
            assert!(stands_in(&layout, place, layer), "{layout:?}");
        }
        assert_eq!(layout.bends[&(0, 3)].len(), 2);
        assert!(layout.bends[&(0, 1)].is_empty());
    }

    #[test]
    fn what_nothing_flows_into_stands_beside_what_it_flows_to() {
        let layout = layout(4, &[(0, 1), (1, 2), (3, 2)]);
        assert!(stands_in(&layout, 3, 1.0), "{layout:?}");
    }

    #[test]
    fn a_cycle_is_drawn_too() {
        let layout = layout(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
        assert_eq!(layout.boxes.len(), 3);
        assert!(layout.bends.contains_key(&(2, 0)));
    }

    #[test]
    fn nothing_is_something() {
        assert_eq!(layout(0, &[]).boxes.len(), 0);
        assert_eq!(layout(1, &[(0, 7)]).boxes.len(), 1);
    }

    proptest! {
        #[test]
        fn no_box_lies_over_another(
            edges in prop::collection::vec((0_usize..14, 0_usize..14), 0..40),
        ) {
            let layout = layout(14, &edges);
            prop_assert_eq!(layout.boxes.len(), 14);
            for (i, a) in layout.boxes.iter().enumerate() {
                prop_assert!(a.x >= 0.0 && a.x + BOX_WIDTH <= layout.width + 0.01);
                prop_assert!(a.y >= -0.01 && a.y + BOX_HEIGHT <= layout.height + 0.01);
                for b in layout.boxes.iter().skip(i + 1) {
                    let apart_x = (a.x - b.x).abs() >= BOX_WIDTH;
                    let apart_y = (a.y - b.y).abs() >= BOX_HEIGHT - 0.01;
                    prop_assert!(apart_x || apart_y, "{a:?} {b:?}");
                }
            }
        }
    }
}
