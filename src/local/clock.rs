//! The clocks by which a local cloud can live.

use std::sync::Arc;
use std::time::Instant;

/// What time it is: milliseconds since the Unix epoch.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Wall time, so many times faster, from now on or from the given time on when that is later.
pub fn wall_clock(not_before: i64, times: f64) -> Now {
    let start = jiff::Timestamp::now().as_millisecond().max(not_before);
    let begun = Instant::now();
    // The product is far below what an `i64` holds; beyond it the cast saturates.
    Arc::new(move || start.saturating_add((begun.elapsed().as_secs_f64() * 1000.0 * times) as i64))
}

/// The time of a paused tokio runtime, in which sleeping is all that takes time. Call it within that runtime.
pub fn virtual_clock(start: i64) -> Now {
    let begun = tokio::time::Instant::now();
    Arc::new(move || start.saturating_add(i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX)))
}
