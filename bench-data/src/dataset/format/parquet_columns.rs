//! Which columns of a Parquet file are lists of plain numbers, by the schema:
//! <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#nested-types>.

use anyhow::{Context, Result, anyhow};
use bench_core::foreign_text::in_one_line;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::schema::types::{SchemaDescriptor, Type};

/// A column with a list of numbers in each row.
#[derive(Clone, Debug)]
pub(crate) struct NumberList {
    /// Which of the file's leaves.
    pub(crate) index: usize,
    /// As people know it: `emb` for the leaf `emb.list.element`.
    pub(crate) name: String,
    pub(crate) number: ListedNumber,
    /// The definition level of a number that is there.
    pub(crate) defined: i16,
}

/// The type of a list's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListedNumber {
    F16,
    F32,
    F64,
    I32,
    I64,
}

impl ListedNumber {
    pub(crate) fn is_float(self) -> bool {
        matches!(self, ListedNumber::F16 | ListedNumber::F32 | ListedNumber::F64)
    }

    fn of(leaf: &Type) -> Option<ListedNumber> {
        let info = leaf.get_basic_info();
        match (leaf.get_physical_type(), info.logical_type_ref()) {
            (Physical::FLOAT, _) => Some(ListedNumber::F32),
            (Physical::DOUBLE, _) => Some(ListedNumber::F64),
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16)) => Some(ListedNumber::F16),
            // Times, dates and decimals are stored as integers, too.
            (Physical::INT32, None | Some(LogicalType::Integer(..))) => Some(ListedNumber::I32),
            (Physical::INT64, None | Some(LogicalType::Integer(..))) => Some(ListedNumber::I64),
            _ => None,
        }
    }
}

/// The column of vectors: the one called `named`, or the only one that can be it.
///
/// # Errors
/// When there is none, or there are several and none is named: with the columns of the file.
pub(crate) fn vectors(schema: &SchemaDescriptor, named: Option<&str>) -> Result<NumberList> {
    const WHAT: &str = "lists of f16, f32 or f64";

    let floats = lists(schema).into_iter().filter(|list| list.number.is_float()).collect();
    match named {
        None => only(schema, floats, WHAT, "name one with --column"),
        Some(named) => called(schema, floats, named)
            .with_context(|| format!("no column {named:?} holds {WHAT}; {}", columns(schema))),
    }
}

/// The column of neighbours: `neighbors_id`, as VectorDBBench calls it, or the only one that can be it.
pub(crate) fn neighbours(schema: &SchemaDescriptor) -> Result<NumberList> {
    const NAME: &str = "neighbors_id";

    let ids: Vec<NumberList> = lists(schema).into_iter().filter(|list| !list.number.is_float()).collect();
    match called(schema, ids.clone(), NAME) {
        Some(list) => Ok(list),
        None => only(schema, ids, "lists of i32 or i64, the neighbours' ids", "call it neighbors_id"),
    }
}

fn called(schema: &SchemaDescriptor, lists: Vec<NumberList>, name: &str) -> Option<NumberList> {
    let is_it = |list: &NumberList| list.name == name || schema.column(list.index).path().string() == name;
    lists.into_iter().find(is_it)
}

fn only(schema: &SchemaDescriptor, lists: Vec<NumberList>, what: &str, fix: &str) -> Result<NumberList> {
    <[NumberList; 1]>::try_from(lists).map(|[list]| list).map_err(|lists| {
        let names = || shown(lists.iter().map(|list| list.name.clone()));
        let fix = if lists.is_empty() { String::new() } else { format!(": {fix} ({})", names()) };
        anyhow!("{} of its columns hold {what}, expected is one{fix}; {}", lists.len(), columns(schema))
    })
}

fn columns(schema: &SchemaDescriptor) -> String {
    format!("the columns are {}", shown(schema.columns().iter().map(|leaf| leaf.path().string())))
}

/// The first names, as a message shows them.
fn shown(names: impl Iterator<Item = String>) -> String {
    const MOST: usize = 20;

    let mut names: Vec<String> = names.take(MOST + 1).map(|name| in_one_line(&name).into_owned()).collect();
    if names.len() > MOST {
        names[MOST] = "...".into();
    }
    names.join(", ")
}

/// The columns that hold a list of numbers in each row, and nothing beside the numbers in the list.
fn lists(schema: &SchemaDescriptor) -> Vec<NumberList> {
    (0..schema.num_columns()).filter_map(|index| list(schema, index)).collect()
}

/// The list whose numbers are this leaf, if they are numbers in a list.
fn list(schema: &SchemaDescriptor, index: usize) -> Option<NumberList> {
    let leaf = schema.column(index);
    let number = ListedNumber::of(leaf.self_type())?;
    if leaf.max_rep_level() != 1 {
        return None;
    }
    let nodes = nodes(schema, index);
    let repeated = nodes.iter().position(|node| is_repeated(node))?;
    let outer = repeated.checked_sub(1).map(|outer| nodes[outer]).filter(|outer| is_list(outer));
    let named = match (&nodes[repeated..], outer) {
        // The usual three levels: `emb`, `list`, `element`.
        ([group, _], Some(outer)) if group.get_fields().len() == 1 && !is_record(group, outer) => repeated,
        // Two levels, as old writers have it.
        ([_], Some(_)) => repeated,
        // A repeated number without a list around it.
        ([_], None) => repeated + 1,
        _ => return None,
    };
    let name = leaf.path().parts()[..named].join(".");
    Some(NumberList { index, name, number, defined: leaf.max_def_level() })
}

/// The types from a field of the schema down to a leaf.
fn nodes(schema: &SchemaDescriptor, leaf: usize) -> Vec<&Type> {
    let mut nodes = vec![schema.get_column_root(leaf)];
    for name in &schema.columns()[leaf].path().parts()[1..] {
        let fields = nodes[nodes.len() - 1].get_fields();
        nodes.extend(fields.iter().find(|field| field.name() == name).map(AsRef::as_ref));
    }
    nodes
}

fn is_repeated(node: &Type) -> bool {
    let info = node.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

fn is_list(node: &Type) -> bool {
    let info = node.get_basic_info();
    info.converted_type() == ConvertedType::LIST || info.logical_type_ref() == Some(&LogicalType::List)
}

/// Whether the repeated group of one field is a record of one field, which old writers tell by its name.
fn is_record(group: &Type, list: &Type) -> bool {
    group.name() == "array" || group.name() == format!("{}_tuple", list.name())
}
