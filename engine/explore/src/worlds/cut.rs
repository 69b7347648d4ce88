//! A failing run, cut behind the act after which the property no longer holds.

use super::{Act, Played, RecordFault, caught, play_until};

/// The shortest beginning of a run from which on the property does not hold however far the run has come, why it does not hold there, and the acts that are cut off.
/// The whole run where the property already fails of one without an act: whether it holds is then known at the end alone. So it is where `reason` is not the
/// property's: what the agent panicked with comes after its last act.
pub(super) fn cut(
    property: &impl Fn(&Played) -> Result<(), String>,
    whole: Played,
    reason: String,
) -> Result<(Played, String, Vec<Act>), RecordFault> {
    let asked = |played: &Played| caught("the property", || property(played)).flatten().err();
    if asked(&whole).as_ref() != Some(&reason) {
        return Ok((whole, reason, Vec::new()));
    }
    let mut shortest = None;
    for length in (0..whole.acts.len()).rev() {
        let acts = whole.acts.iter().take(length);
        let (played, _) = play_until(
            |seen| acts.clone().nth(seen.len() - 1).cloned().ok_or_else(String::new),
            &whole.world,
        )?;
        let Some(reason) = asked(&played) else {
            let Some((played, reason)) = shortest else { return Ok((whole, reason, Vec::new())) };
            let rest = whole.acts.into_iter().skip(length + 1).collect();
            return Ok((played, reason, rest));
        };
        shortest = Some((played, reason));
    }
    Ok((whole, reason, Vec::new()))
}
