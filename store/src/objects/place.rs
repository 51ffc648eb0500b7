//! Where a store is: in a folder, or as objects behind a URL.
//!
//! What an object store needs to know besides the URL, such as credentials, its endpoint and its region, comes from
//! the environment by the names that the `object_store` crate reads: `AWS_…`, `GOOGLE_…`, `AZURE_…`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::{Position, Url};

use super::Objects;
use crate::error::{Error, ErrorKind, Result};

/// How long a request is tried again for, where that may help.
const LONGEST_RETRY: Duration = Duration::from_secs(30);
const MOST_RETRIES: usize = 5;

/// Where a store is.
#[derive(Debug)]
pub(crate) enum Place {
    /// A folder.
    Folder(PathBuf),
    /// Objects of an object store.
    Objects(Objects),
}

impl Place {
    /// The place that a path names: one that is a URL (`s3://bucket/incident.kcorr`) is no folder.
    pub(crate) fn of(path: PathBuf) -> Result<Self> {
        let Some(text) = path.to_str().filter(|text| is_url(text)) else {
            return Ok(Self::Folder(path));
        };
        let url = Url::parse(text).map_err(|e| {
            // Where in it a password is, nobody can tell.
            let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
            let message = format!("a URL that begins with {scheme}:// cannot be read");
            Error::because(ErrorKind::Store, message, e)
        })?;
        if url.scheme() == "file" {
            return url.to_file_path().map(Self::Folder).map_err(|()| {
                let message = format!("{text} names no folder of this host");
                Error::new(ErrorKind::Store, message)
            });
        }
        objects(&url).map(Self::Objects)
    }
}

/// Whether a text begins with a scheme.
fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.len() > 1 && scheme.chars().all(is_part)
    })
}

fn objects(url: &Url) -> Result<Objects> {
    let refused = |why: &str| {
        let mut shown = url.clone();
        // It may be in a log that others read.
        let _ = shown.set_password(None);
        shown.set_query(None);
        Error::new(ErrorKind::Store, format!("{shown} {why}"))
    };
    if url.password().is_some() || url.query().is_some() {
        return Err(refused(
            "has credentials or other settings in it: they belong into the environment (AWS_…, GOOGLE_…, AZURE_…)",
        ));
    }
    let unknown =
        "is no place of a store: kcorr knows folders and URLs of s3, gs, az, abfss, http and https";
    let parsed = match url.scheme() {
        // Whoever's it is: what is written to has a scheme of its own.
        "http" | "https" => object_store::path::Path::from_url_path(url.path())
            .ok()
            .map(|path| (ObjectStoreScheme::Http, path)),
        _ => ObjectStoreScheme::parse(url).ok(),
    };
    let Some((scheme, prefix)) = parsed else {
        return Err(refused(unknown));
    };
    let retry = RetryConfig {
        max_retries: MOST_RETRIES,
        retry_timeout: LONGEST_RETRY,
        ..RetryConfig::default()
    };
    let text = url.as_str();
    let made: object_store::Result<Arc<dyn ObjectStore>> = match scheme {
        ObjectStoreScheme::AmazonS3 => AmazonS3Builder::from_env()
            .with_url(text)
            .with_retry(retry)
            .build()
            .map(|store| Arc::new(store) as _),
        ObjectStoreScheme::GoogleCloudStorage => GoogleCloudStorageBuilder::from_env()
            .with_url(text)
            .with_retry(retry)
            .build()
            .map(|store| Arc::new(store) as _),
        ObjectStoreScheme::MicrosoftAzure => MicrosoftAzureBuilder::from_env()
            .with_url(text)
            .with_retry(retry)
            .build()
            .map(|store| Arc::new(store) as _),
        ObjectStoreScheme::Http => HttpBuilder::new()
            .with_url(&url[..Position::BeforePath])
            .with_client_options(ClientOptions::new().with_allow_http(url.scheme() == "http"))
            .with_retry(retry)
            .build()
            .map(|store| Arc::new(store) as _),
        _ => return Err(refused(unknown)),
    };
    let made = made.map_err(|e| {
        let message = format!("cannot use {text} as the place of a store");
        Error::because(ErrorKind::Store, message, e)
    })?;
    let objects = Objects::new(made, text.trim_end_matches('/'), prefix);
    Ok(match scheme {
        // A web server has no conditional put.
        ObjectStoreScheme::Http => objects.read_only(),
        _ => objects,
    })
}

/// Whether a path names no folder of this host, but objects.
pub fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(is_url) && folder_of_url(path).is_none()
}

/// A path whose parent can be asked for, and which can be joined to others unless it is a URL of objects: the folder
/// that a URL of `file` names, or else the path itself.
pub fn plain_path(path: PathBuf) -> PathBuf {
    folder_of_url(&path).unwrap_or(path)
}

/// Fails where a path is a URL that names no place of a store, or has in it what is secret.
pub fn check_place(path: &Path) -> Result<()> {
    Place::of(path.to_owned()).map(drop)
}

fn folder_of_url(path: &Path) -> Option<PathBuf> {
    let text = path.to_str().filter(|text| is_url(text))?;
    let url = Url::parse(text).ok()?;
    (url.scheme() == "file")
        .then(|| url.to_file_path().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Place::of(url.into()).expect_err(url).to_string()
    }

    #[test]
    fn a_path_is_a_folder_unless_it_has_a_scheme() {
        for path in [
            "incident.kcorr",
            "/var/s3:/x",
            "c://x",
            "a b://x",
            "file:///tmp/x",
        ] {
            let place = Place::of(path.into()).expect(path);
            assert!(matches!(place, Place::Folder(_)), "{path}");
            assert!(!is_remote(Path::new(path)), "{path}");
        }
        let Ok(Place::Folder(folder)) = Place::of("file:///tmp/a%20b.kcorr".into()) else {
            panic!("a folder");
        };
        assert_eq!(folder, Path::new("/tmp/a b.kcorr"));
        assert_eq!(plain_path("file:///tmp/a%20b.kcorr".into()), folder);
        for path in ["a.kcorr", "/tmp/a.kcorr", "s3://bucket/a.kcorr"] {
            assert_eq!(plain_path(path.into()), Path::new(path));
        }
        assert!(is_remote(Path::new("file://host/tmp/x")));
        assert!(refusal("file://host/tmp/x").contains("no folder of this host"));
    }

    #[test]
    fn a_url_is_a_bucket_and_a_prefix() {
        for url in [
            "s3://bucket/monday/incident.kcorr/",
            "gs://bucket/monday/incident.kcorr",
            "https://example.com/monday/incident.kcorr",
            "https://bucket.s3.eu-central-1.amazonaws.com/monday/incident.kcorr",
            "https://account.r2.cloudflarestorage.com/monday/incident.kcorr",
            "https://account.blob.core.windows.net/monday/incident.kcorr",
        ] {
            let Ok(Place::Objects(objects)) = Place::of(url.into()) else {
                panic!("{url}");
            };
            assert_eq!(objects.prefix.as_ref(), "monday/incident.kcorr");
            assert_eq!(objects.url(), url.trim_end_matches('/'));
            let is_written = objects.check_writable().is_ok();
            assert_eq!(is_written, !url.starts_with("https"), "{url}");
            assert!(is_remote(Path::new(url)));
        }
    }

    #[test]
    fn what_is_no_place_is_refused_and_no_secret_is_repeated() {
        let other = refusal("hdfs://host/incident.kcorr");
        assert!(other.contains("is no place of a store"), "{other}");
        assert!(refusal("memory:///incident.kcorr").contains("is no place"));
        for url in [
            "https://me:pa55word@example.com/a",
            "s3://bucket/a?X-Amz-Signature=pa55word",
        ] {
            let said = refusal(url);
            assert!(
                said.contains("environment") && !said.contains("pa55word"),
                "{said}"
            );
        }
        // A slash in a password ends the host.
        for url in ["https://me:pa55/word@host/a", "s3://me:pa55/word@[/a"] {
            let said = refusal(url);
            assert!(check_place(Path::new(url)).is_err());
            let scheme = url.split("//").next().unwrap();
            assert!(said.contains(scheme) && !said.contains("pa55"), "{said}");
        }
    }
}
