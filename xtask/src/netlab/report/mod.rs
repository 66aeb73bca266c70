//! Pages and plots from results.

use crate::failure::Failure;
use std::path::Path;

pub(super) fn write(_folder: &Path) -> Result<(), Failure> {
    Ok(())
}
