#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "tests")]

mod crash;
mod damage;
mod full;
mod keeper;
mod real;
mod sim;
mod view;
