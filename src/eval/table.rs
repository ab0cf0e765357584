//! A small table from names to things: most frames hold few names, some thousands.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Up to so many names are looked for one by one.
const FEW: usize = 12;

/// Names and what they stand for, in the order in which they were first set.
#[derive(Debug)]
pub(super) struct Table<'a, T> {
    entries: Vec<(&'a str, T)>,
    /// Where each name is, once there are more than [`FEW`].
    places: HashMap<&'a str, usize, BuildHasherDefault<Fnv>>,
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Table { entries: Vec::new(), places: HashMap::default() }
    }
}

impl<'a, T> Table<'a, T> {
    fn position(&self, name: &str) -> Option<usize> {
        match self.places.is_empty() {
            true => self.entries.iter().position(|(known, _)| *known == name),
            false => self.places.get(name).copied(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.entries.get(self.position(name)?).map(|(_, value)| value)
    }

    /// The name as it was set, and its value.
    pub(super) fn get_key_value(&self, name: &str) -> Option<(&'a str, &T)> {
        self.entries.get(self.position(name)?).map(|(name, value)| (*name, value))
    }

    pub(super) fn contains_key(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Sets what a name stands for.
    pub(super) fn insert(&mut self, name: &'a str, value: T) {
        match self.position(name).and_then(|at| self.entries.get_mut(at)) {
            Some((_, old)) => *old = value,
            None => {
                self.entries.push((name, value));
                if !self.places.is_empty() {
                    self.places.insert(name, self.entries.len() - 1);
                } else if self.entries.len() > FEW {
                    self.places.extend(self.entries.iter().enumerate().map(|(at, (name, _))| (*name, at)));
                }
            }
        }
    }
}

/// FNV-1a: quick for short names. Files that are made to collide only slow themselves down, within the limits of an
/// evaluation.
#[derive(Clone, Debug)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_names() {
        let names: Vec<String> = (0..100).map(|n| format!("n{n}")).collect();
        let mut table = Table::default();
        for (n, name) in names.iter().enumerate() {
            table.insert(name, 0);
            table.insert(name, n);
            assert!(names.iter().take(n + 1).enumerate().all(|(n, name)| table.get(name) == Some(&n)));
            assert!(!table.contains_key("other"));
        }
    }
}
