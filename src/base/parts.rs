//! Work that is done in parts, on all cores.

use std::thread;

/// The most threads for one piece of work.
const MAX_THREADS: usize = 4;

/// From how many declarations on a file is worth several threads.
const MANY: usize = 1_000;

/// In how many parts to read, or look at, a file of so many declarations.
pub fn parts_for(declarations: usize) -> usize {
    match declarations {
        0..MANY => 1,
        _ => thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
    }
}

/// Cuts things into at most so many parts and works on each, the first here and the others in threads of their own. The
/// results are in the order of the things.
pub fn in_parts<T: Sync, R: Send>(
    things: &[T],
    parts: usize,
    here: impl FnOnce(&[T]) -> R,
    there: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let size = things.len().div_ceil(parts.max(1)).max(1);
    let mut parts = things.chunks(size);
    let Some(first) = parts.next() else { return Vec::new() };
    let there = &there;
    thread::scope(|scope| {
        let spawn = |part| thread::Builder::new().spawn_scoped(scope, move || there(part));
        let others: Vec<_> = parts.map(|part| (part, spawn(part))).collect();
        let mut all = vec![here(first)];
        for (part, thread) in others {
            // The part of a thread that could not be made, or died, is done here.
            let done = thread.ok().and_then(|thread| thread.join().ok());
            all.push(done.unwrap_or_else(|| there(part)));
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order() {
        let numbers: Vec<u32> = (0..10).collect();
        for parts in 0..12 {
            let same = in_parts(&numbers, parts, <[u32]>::to_vec, <[u32]>::to_vec).concat();
            assert_eq!(same, numbers, "{parts}");
        }
        assert_eq!(in_parts(&[0u32; 0], 4, <[u32]>::len, <[u32]>::len), [0usize; 0]);
    }
}
