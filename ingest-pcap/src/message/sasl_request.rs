//! The body of SaslHandshake and SaslAuthenticate requests.

use kcorr_kafka::Reader;

use super::sasl::{LONGEST_TOKEN, Mechanism, Sasl};
use super::walker::{BodyContext, Unit};
use super::{Request, api};

/// The first version of SaslAuthenticate whose arrays are compact.
const FLEXIBLE: i16 = 2;

/// Walks the body of SaslHandshake or SaslAuthenticate. What it finds is put into [`Request::sasl`].
#[derive(Debug)]
pub(crate) struct SaslRequest {
    api_key: i16,
    version: i16,
    mechanism: Mechanism,
    is_read: bool,
}

impl SaslRequest {
    /// Whether this version's header ends in tagged fields.
    pub(crate) fn is_flexible(api_key: i16, version: i16) -> bool {
        api_key == api::SASL_AUTHENTICATE && version == FLEXIBLE
    }

    /// A walker of a known version; `mechanism` is the one that the connection's last handshake named.
    pub(crate) fn new(api_key: i16, version: i16, mechanism: Option<Mechanism>) -> Option<Self> {
        let newest = match api_key {
            api::SASL_HANDSHAKE => 1,
            api::SASL_AUTHENTICATE => FLEXIBLE,
            _ => return None,
        };
        let is_known = (0..=newest).contains(&version);
        is_known.then_some(Self {
            api_key,
            version,
            mechanism: mechanism.unwrap_or(Mechanism::Other),
            is_read: false,
        })
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
        if self.api_key == api::SASL_HANDSHAKE {
            let name = reader.string(false)?;
            request.sasl = Some(Sasl::Mechanism(Mechanism::of(name)));
        } else if let Some(length) = reader.bytes_length(self.version >= FLEXIBLE)?
            && length <= LONGEST_TOKEN
            && self.mechanism != Mechanism::Other
        {
            let token = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            let user = self.mechanism.user(token);
            request.sasl = user.map(|user| Sasl::User(user.into()));
        }
        self.is_read = true;
        Ok(Some(0))
    }
}
