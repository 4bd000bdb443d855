//! How the rows that came out differ from those that were expected.

/// The difference, with the rows in the order in which they stand in the test and came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The columns that were compared, as the asset calls them.
    pub columns: Vec<String>,
    pub rows: Vec<DiffRow>,
    /// How many rows were expected, and how many came out.
    pub expected: usize,
    pub actual: usize,
    /// Rows that differ and are not among `rows`, since they are too many.
    pub left_out: usize,
}

/// The texts of a row; `None` is NULL.
pub type Texts = Vec<Option<String>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffRow {
    /// Expected, and none came out.
    Missing(Texts),
    /// Came out, and none was expected.
    Extra(Texts),
    /// Two rows that differ in some cells.
    Changed { expected: Texts, actual: Texts, differs: Vec<bool> },
}

/// Rows that have no equal on the other side: each with its number there.
pub(super) struct Unmatched {
    pub missing: Vec<Texts>,
    pub extra: Vec<Texts>,
}

/// Pairs rows that differ in the fewest cells. `differs` says in which cells a missing and an extra row differ.
pub(super) fn paired(unmatched: &Unmatched, differs: &dyn Fn(usize, usize) -> Vec<bool>) -> Vec<DiffRow> {
    let mut candidates: Vec<(usize, usize, usize, Vec<bool>)> = Vec::new();
    for missing in 0..unmatched.missing.len() {
        for extra in 0..unmatched.extra.len() {
            let cells = differs(missing, extra);
            let count = cells.iter().filter(|differs| **differs).count();
            // Rows that have nothing in common are two rows.
            if count < cells.len() {
                candidates.push((count, missing, extra, cells));
            }
        }
    }
    candidates.sort_by_key(|(count, missing, extra, _)| (*count, *missing, *extra));
    let mut partner: Vec<Option<(usize, Vec<bool>)>> = vec![None; unmatched.missing.len()];
    let mut is_taken = vec![false; unmatched.extra.len()];
    for (_, missing, extra, cells) in candidates {
        if partner[missing].is_none() && !is_taken[extra] {
            partner[missing] = Some((extra, cells));
            is_taken[extra] = true;
        }
    }
    let expected = unmatched.missing.iter().zip(partner).map(|(row, partner)| match partner {
        Some((extra, differs)) => {
            DiffRow::Changed { expected: row.clone(), actual: unmatched.extra[extra].clone(), differs }
        }
        None => DiffRow::Missing(row.clone()),
    });
    let extra = unmatched.extra.iter().zip(&is_taken).filter(|(_, is_taken)| !**is_taken);
    expected.chain(extra.map(|(row, _)| DiffRow::Extra(row.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Texts {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn rows_are_paired_by_the_fewest_differences() {
        let unmatched = Unmatched {
            missing: vec![row(&["1", "a", "x"]), row(&["2", "b", "y"]), row(&["3", "c", "z"])],
            extra: vec![row(&["2", "b", "Y"]), row(&["1", "A", "X"]), row(&["9", "q", "q"])],
        };
        let differs = |missing: usize, extra: usize| {
            unmatched.missing[missing].iter().zip(&unmatched.extra[extra]).map(|(one, other)| one != other).collect()
        };
        assert_eq!(
            paired(&unmatched, &differs),
            [
                DiffRow::Changed {
                    expected: row(&["1", "a", "x"]),
                    actual: row(&["1", "A", "X"]),
                    differs: vec![false, true, true]
                },
                DiffRow::Changed {
                    expected: row(&["2", "b", "y"]),
                    actual: row(&["2", "b", "Y"]),
                    differs: vec![false, false, true]
                },
                DiffRow::Missing(row(&["3", "c", "z"])),
                DiffRow::Extra(row(&["9", "q", "q"])),
            ]
        );
    }
}
