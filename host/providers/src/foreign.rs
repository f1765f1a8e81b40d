//! Reads JSON that other programs write.
//!
//! Owns: how odd values are read: `null` as a missing field, an unreadable entry as none.
//! Never: reads an answer; a `null` in one is the agent's own.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A field whose `null` means its default.
pub(crate) fn or_default<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// A list without the entries that cannot be read, and empty when it is `null`. One odd
/// entry, perhaps of a newer version, does not hide the others.
pub(crate) fn readable<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let all = Option::<Vec<Value>>::deserialize(input)?.unwrap_or_default();
    Ok(all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Read {
        #[serde(deserialize_with = "or_default")]
        flag: bool,
        #[serde(deserialize_with = "or_default")]
        text: String,
        #[serde(deserialize_with = "readable")]
        list: Vec<u32>,
    }

    #[test]
    fn null_counts_as_absent_and_odd_list_items_are_left_out() {
        for (text, read) in [
            (r#"{"flag":null,"text":null,"list":null}"#, Read::default()),
            ("{}", Read::default()),
            (
                r#"{"flag":true,"text":"t","list":[1,null,"two",3]}"#,
                Read { flag: true, text: "t".into(), list: vec![1, 3] },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Read>(text).unwrap(), read, "{text}");
        }
        assert!(serde_json::from_str::<Read>(r#"{"flag":"yes"}"#).is_err());
    }
}
