//! Fuzz targets of what is private here (`fuzz/bodies` has the others): the first bytes choose the settings, the rest are steps.

use arbitrary::{Result, Unstructured};
use socketio_wire::OpCode;

use crate::Overflow;
use crate::lane::Giving;
use crate::lane::model::{Answer, Model, Step};

#[cfg(unix)]
pub use crate::writer::fuzzing::writer;

/// A lane between random packets and a random kernel.
pub fn lane(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let limit = choices.choose(&[1, 100, 5_000, 700_000, usize::MAX]).copied().unwrap_or(1);
    let overflow = if choices.arbitrary().unwrap_or(false) { Overflow::Drop } else { Overflow::Disconnect };
    let mut model = Model::new(limit, overflow);
    // Large frames are slow: there are few.
    let mut large = 8;
    while !choices.is_empty() {
        let Ok(step) = step(&mut choices, &mut large) else { break };
        model.step(&step);
    }
    model.finish();
}

fn step(choices: &mut Unstructured<'_>, large: &mut u32) -> Result<Step> {
    Ok(match choices.int_in_range(0..=15)? {
        0..=4 => {
            let opcode = *choices.choose(&[OpCode::Text, OpCode::Binary])?;
            let count = *choices.choose(&[1, 1, 1, 2, 3])?;
            let sizes = (0..count).map(|_| Ok((opcode, size(choices, large)?))).collect::<Result<_>>()?;
            Step::Give(sizes, giving(choices)?)
        }
        5..=7 => {
            let giving = Giving { continues: false, ..giving(choices)? };
            Step::Keyed(choices.int_in_range(0..=3)?, size(choices, large)?, giving)
        }
        8 => {
            let opcode = *choices.choose(&[OpCode::Ping, OpCode::Pong, OpCode::Ping, OpCode::Pong, OpCode::Close])?;
            Step::Give(vec![(opcode, choices.int_in_range(0..=125)?)], Giving { tickets: 1, ..Giving::default() })
        }
        9 => Step::Pongs(*choices.choose(&[1, 10, 400, 1_001])?),
        10 => match choices.arbitrary::<u8>()? {
            0..=7 => Step::Finish,
            8..=60 => Step::ForgetKeys,
            _ => Step::Fence,
        },
        11..=13 => Step::Write((0..choices.int_in_range(0..=3)?).map(|_| answer(choices)).collect::<Result<_>>()?),
        _ => Step::Batch(answer(choices)?),
    })
}

fn giving(choices: &mut Unstructured<'_>) -> Result<Giving> {
    let bits: u8 = choices.arbitrary()?;
    Ok(Giving {
        volatile: bits & 1 != 0,
        continues: bits & 6 == 6,
        tickets: u32::from(bits >> 3 & 3),
        tick: u32::from(bits >> 5 & 3),
    })
}

fn size(choices: &mut Unstructured<'_>, large: &mut u32) -> Result<usize> {
    Ok(match choices.arbitrary::<u8>()? {
        small @ 0..=199 => small.into(),
        middle @ 200..=250 => usize::from(middle - 199) * 60,
        huge => {
            *large = large.saturating_sub(1);
            if *large == 0 { 126 } else { usize::from(huge - 250) * 70_000 }
        }
    })
}

fn answer(choices: &mut Unstructured<'_>) -> Result<Answer> {
    Ok(match choices.int_in_range(0..=9)? {
        0..=2 => Answer::All,
        3..=4 => Answer::Part(choices.arbitrary()?),
        5..=7 => Answer::Bytes(choices.int_in_range(0..=300)?),
        8 => Answer::Block,
        _ if choices.ratio(1, 4)? => Answer::Fail,
        _ => Answer::Block,
    })
}
