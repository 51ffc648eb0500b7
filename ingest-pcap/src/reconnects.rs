//! Which connection a client's next one may replace: the last of the same addresses that ended.

use hashbrown::HashMap;
use kcorr_capture::Endpoint;

/// Addresses that are remembered, and ended connections of each.
const MOST_ADDRESSES: usize = 16_384;
const MOST_ENDED: usize = 64;

/// Ended connections by the client's address and the broker.
#[derive(Debug, Default)]
pub(crate) struct Reconnects {
    ended: HashMap<(u128, Endpoint), Vec<i64>>,
}

impl Reconnects {
    /// A connection ended.
    pub(crate) fn ended(&mut self, client: Endpoint, server: Endpoint, connection_id: i64) {
        let key = (client.address, server);
        if self.ended.len() >= MOST_ADDRESSES && !self.ended.contains_key(&key) {
            self.ended.clear();
        }
        let ended = self.ended.entry(key).or_default();
        if ended.len() >= MOST_ENDED {
            ended.remove(0);
        }
        ended.push(connection_id);
    }

    /// The connection that a new one may replace: it is taken.
    pub(crate) fn of(&mut self, client: Endpoint, server: Endpoint) -> Option<i64> {
        self.ended.get_mut(&(client.address, server))?.pop()
    }
}
