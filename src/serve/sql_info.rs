//! What the server can do, in the words of `CommandGetSqlInfo`.
//!
//! JDBC reads nearly every number once and fails on a missing one, so all that are defined are
//! answered. Lists of functions and reserved words are asked from the engine, not written down.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedGroupBy, SqlSupportedResultSetConcurrency, SqlSupportedResultSetType,
    SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions, SqlSupportsConvert,
    SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use datafusion::functions::{core, datetime, math, regex, string, unicode};
use datafusion::logical_expr::ScalarUDF;
use datafusion::sql::sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER,
    RESERVED_FOR_TABLE_ALIAS,
};

use super::{Error, Options};

/// The version of the Arrow columnar format.
const ARROW_FORMAT: &str = "1.5";

/// The answers, fixed for the life of a server.
///
/// # Errors
/// [`Error::Metadata`] when the batch cannot be built.
pub(super) fn told(options: &Options) -> Result<SqlInfoData, Error> {
    let mut info = SqlInfoDataBuilder::new();
    about_the_server(&mut info, options);
    about_the_language(&mut info);
    about_sizes(&mut info, options);
    about_transactions_and_results(&mut info);
    info.build().map_err(|error| Error::Metadata {
        reason: error.to_string(),
    })
}

fn about_the_server(info: &mut SqlInfoDataBuilder, options: &Options) {
    info.append(SqlInfo::FlightSqlServerName, env!("CARGO_PKG_NAME"));
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, ARROW_FORMAT);
    info.append(SqlInfo::FlightSqlServerReadOnly, true);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::None as i32,
    );
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    info.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    let idle_ms = i32::try_from(options.token_idle.as_millis()).unwrap_or(i32::MAX);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, idle_ms);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
}

fn about_the_language(info: &mut SqlInfoDataBuilder) {
    for absent in [
        SqlInfo::SqlDdlCatalog,
        SqlInfo::SqlDdlSchema,
        SqlInfo::SqlDdlTable,
        SqlInfo::SqlSupportsIntegrityEnhancementFacility,
        SqlInfo::SqlSupportsNonNullableColumns,
        SqlInfo::SqlSelectForUpdateSupported,
        SqlInfo::SqlStoredProceduresSupported,
    ] {
        info.append(absent, false);
    }
    for present in [
        SqlInfo::SqlAllTablesAreSelectable,
        SqlInfo::SqlSupportsColumnAliasing,
        SqlInfo::SqlNullPlusNullIsNull,
        SqlInfo::SqlSupportsTableCorrelationNames,
        SqlInfo::SqlSupportsDifferentTableCorrelationNames,
        SqlInfo::SqlSupportsExpressionsInOrderBy,
        SqlInfo::SqlSupportsOrderByUnrelated,
        SqlInfo::SqlSupportsLikeEscapeClause,
        SqlInfo::SqlCatalogAtStart,
        SqlInfo::SqlCorrelatedSubqueriesSupported,
    ] {
        info.append(present, true);
    }
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    // Quoted names keep their case. The protocol has no word for that; JDBC answers "yes, mixed
    // case is supported" for this one only.
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    info.append(
        SqlInfo::SqlNullOrdering,
        SqlNullOrdering::SqlNullsSortedHigh as i32,
    );
    info.append(SqlInfo::SqlKeywords, reserved());
    info.append(SqlInfo::SqlNumericFunctions, names(&[math::functions()]));
    info.append(
        SqlInfo::SqlStringFunctions,
        names(&[
            string::functions(),
            unicode::functions(),
            regex::functions(),
        ]),
    );
    info.append(SqlInfo::SqlSystemFunctions, names(&[core::functions()]));
    info.append(
        SqlInfo::SqlDatetimeFunctions,
        names(&[datetime::functions()]),
    );
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "");
    info.append(SqlInfo::SqlSupportsConvert, conversions());
    info.append(
        SqlInfo::SqlSupportedGroupBy,
        bits(&[
            SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
            SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
        ]),
    );
    info.append(
        SqlInfo::SqlSupportedGrammar,
        bits(&[
            SupportedSqlGrammar::SqlMinimumGrammar as i32,
            SupportedSqlGrammar::SqlCoreGrammar as i32,
        ]),
    );
    // Entry level is the first bit; the crate does not export the enum.
    info.append(SqlInfo::SqlAnsi92SupportedLevel, bits(&[0]));
    info.append(
        SqlInfo::SqlOuterJoinsSupportLevel,
        SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32,
    );
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlProcedureTerm, "");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    // Names qualify tables in queries; there are no procedures, indexes, privileges or cursors.
    info.append(SqlInfo::SqlSchemasSupportedActions, 0_i32);
    info.append(SqlInfo::SqlCatalogsSupportedActions, 0_i32);
    info.append(SqlInfo::SqlSupportedPositionedCommands, 0_i32);
    info.append(
        SqlInfo::SqlSupportedSubqueries,
        bits(&[
            SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
            SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
            SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
        ]),
    );
    info.append(
        SqlInfo::SqlSupportedUnions,
        bits(&[
            SqlSupportedUnions::SqlUnion as i32,
            SqlSupportedUnions::SqlUnionAll as i32,
        ]),
    );
}

fn about_sizes(info: &mut SqlInfoDataBuilder, options: &Options) {
    // 0 says: no limit, or none that is known.
    for unlimited in [
        SqlInfo::SqlMaxBinaryLiteralLength,
        SqlInfo::SqlMaxCharLiteralLength,
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInSelect,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxTablesInSelect,
        SqlInfo::SqlMaxUsernameLength,
    ] {
        info.append(unlimited, 0_i64);
    }
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    info.append(SqlInfo::SqlMaxConnections, count(options.max_sessions));
    info.append(
        SqlInfo::SqlMaxStatementLength,
        count(super::REQUEST_BYTES_MAX),
    );
    info.append(
        SqlInfo::SqlMaxStatements,
        count(options.max_prepared_per_session),
    );
    info.append(SqlInfo::SqlMaxRowSizeIncludesBlobs, true);
}

fn about_transactions_and_results(info: &mut SqlInfoDataBuilder) {
    let none = SqlTransactionIsolationLevel::SqlTransactionNone as i32;
    info.append(SqlInfo::SqlDefaultTransactionIsolation, none);
    info.append(
        SqlInfo::SqlSupportedTransactionsIsolationLevels,
        bits(&[none]),
    );
    for absent in [
        SqlInfo::SqlTransactionsSupported,
        SqlInfo::SqlDataDefinitionCausesTransactionCommit,
        SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlSavepointsSupported,
        SqlInfo::SqlNamedParametersSupported,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
    ] {
        info.append(absent, false);
    }
    info.append(
        SqlInfo::SqlSupportedResultSetTypes,
        bits(&[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32]),
    );
    let read_only = SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32;
    info.append(
        SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly,
        bits(&[read_only]),
    );
    for absent in [
        SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified,
        SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive,
        SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive,
    ] {
        info.append(absent, 0_i32);
    }
}

fn bits(ordinals: &[i32]) -> i32 {
    ordinals
        .iter()
        .fold(0, |mask, ordinal| mask | (1 << ordinal))
}

fn names(groups: &[Vec<Arc<ScalarUDF>>]) -> Vec<String> {
    let mut names: Vec<String> = groups
        .iter()
        .flatten()
        .flat_map(|function| {
            std::iter::once(function.name().to_string()).chain(function.aliases().iter().cloned())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Words that a column or table cannot be called without quotes.
fn reserved() -> Vec<String> {
    let mut words: Vec<String> = ALL_KEYWORDS
        .iter()
        .zip(ALL_KEYWORDS_INDEX)
        .filter(|(_, keyword): &(_, &Keyword)| {
            RESERVED_FOR_COLUMN_ALIAS.contains(keyword)
                || RESERVED_FOR_TABLE_ALIAS.contains(keyword)
                || RESERVED_FOR_IDENTIFIER.contains(keyword)
        })
        .map(|(word, _)| word.to_string())
        .collect();
    words.sort_unstable();
    words
}

fn conversions() -> HashMap<i32, Vec<i32>> {
    use SqlSupportsConvert as C;
    const NUMBERS: [C; 7] = [
        C::SqlConvertTinyint,
        C::SqlConvertSmallint,
        C::SqlConvertInteger,
        C::SqlConvertBigint,
        C::SqlConvertReal,
        C::SqlConvertFloat,
        C::SqlConvertDecimal,
    ];
    const INSTANTS: [C; 3] = [C::SqlConvertDate, C::SqlConvertTime, C::SqlConvertTimestamp];
    let text = C::SqlConvertVarchar;
    let mut map: HashMap<i32, Vec<i32>> = HashMap::new();
    let mut put = |from: C, to: &[C]| {
        let targets = to.iter().filter(|target| **target != from);
        let targets = targets.map(|target| *target as i32);
        map.entry(from as i32).or_default().extend(targets);
    };
    for number in NUMBERS {
        put(number, &NUMBERS);
        put(number, &[text, C::SqlConvertBit]);
    }
    put(C::SqlConvertBit, &NUMBERS);
    put(C::SqlConvertBit, &[text]);
    for instant in INSTANTS {
        put(instant, &[text]);
    }
    put(C::SqlConvertDate, &[C::SqlConvertTimestamp]);
    put(
        C::SqlConvertTimestamp,
        &[C::SqlConvertDate, C::SqlConvertTime],
    );
    put(text, &NUMBERS);
    put(text, &INSTANTS);
    put(text, &[C::SqlConvertBit]);
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::UInt32Type;

    fn all() -> Vec<u32> {
        let batch = told(&super::super::tests::options())
            .unwrap()
            .record_batch(None)
            .unwrap();
        batch
            .column(0)
            .as_primitive::<UInt32Type>()
            .values()
            .to_vec()
    }

    #[test]
    fn every_number_that_jdbc_reads_is_answered() {
        let told = all();
        // 6 and 7 are Substrait versions, which do not exist here.
        let expected: Vec<u32> = (0..=5)
            .chain(8..=11)
            .chain([100, 101])
            .chain(500..=576)
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn lists_are_not_empty_and_name_what_exists() {
        assert!(names(&[math::functions()]).contains(&"abs".to_string()));
        assert!(names(&[string::functions()]).contains(&"lower".to_string()));
        let words = reserved();
        assert!(words.contains(&"SELECT".to_string()), "{words:?}");
        assert!(!words.contains(&"ACTIVITY".to_string()));
        assert_eq!(bits(&[0, 1, 3]), 0b1011);
    }

    #[test]
    fn a_subset_can_be_asked_for() {
        let told = told(&super::super::tests::options()).unwrap();
        let asked = [SqlInfo::FlightSqlServerReadOnly as u32];
        let batch = told.record_batch(asked).unwrap();
        assert_eq!(batch.num_rows(), 1);
        let value = batch.column(1).as_union().value(0);
        assert!(value.as_boolean().value(0));
    }
}
