//! How much memory an index of a size takes that nobody has built yet: forecast from smaller ones, beside
//! what published formulas say.

mod forecast;
mod formulas;
mod plan;

pub use forecast::{Forecast, GrowthShape, NoForecast, SizePoint, forecast, sizes_for};
pub use formulas::{FORMULAS, Formula, IndexShape};
pub use plan::{CapacityPlan, CapacityRow, FormulaRow};
