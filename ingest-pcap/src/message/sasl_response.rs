//! The body of SaslHandshake and SaslAuthenticate responses: whether the broker accepted.
//!
//! Source: `SaslHandshakeResponse.json`, `SaslAuthenticateResponse.json`: the error code is first; version 2 of the
//! latter has a flexible header.

use kcorr_kafka::Reader;

use super::Request;
use super::sasl_request::SaslRequest;
use super::walker::{BodyContext, Unit};

/// Walks to the error code.
#[derive(Debug)]
pub(crate) struct SaslResponse {
    is_flexible: bool,
    is_read: bool,
}

impl SaslResponse {
    pub(super) fn new(api_key: i16, version: i16) -> Self {
        Self {
            is_flexible: SaslRequest::is_flexible(api_key, version),
            is_read: false,
        }
    }

    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        _context: &mut BodyContext<'_>,
    ) -> Unit {
        if self.is_read {
            return Ok(None);
        }
        reader.tagged_fields(self.is_flexible, |_, _| ())?;
        request.error_code = Some(reader.i16()?);
        self.is_read = true;
        Ok(Some(0))
    }
}
