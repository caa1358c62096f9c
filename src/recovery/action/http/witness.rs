//! Whether anything of a request was sent, seen where its bytes go out.
//!
//! The kind of an error does not tell: a name that cannot be resolved, a TLS handshake that breaks off
//! and an answer that never comes are all the same kind, and one timeout covers them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::Error;
use ureq::http::Uri;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// The last link of a chain of connectors: it sees what is written once the connection stands.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    target: Uri,
    has_sent: Arc<AtomicBool>,
}

impl Witness {
    /// Of a request to `target`; what a proxy is asked on the way there is none of it.
    pub(super) fn new(target: Uri) -> Witness {
        Witness {
            target,
            has_sent: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Whether a part of the request may have left.
    pub(super) fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }
}

impl<In: Transport> Connector<In> for Witness {
    type Out = Witnessed<In>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let is_target = *details.uri == self.target;
        Ok(chained.map(|inner| Witnessed {
            inner,
            has_sent: is_target.then(|| Arc::clone(&self.has_sent)),
        }))
    }
}

/// A connection that tells what is written to it; `None` where it leads to a proxy alone.
#[derive(Debug)]
pub(super) struct Witnessed<In> {
    inner: In,
    has_sent: Option<Arc<AtomicBool>>,
}

impl<In: Transport> Transport for Witnessed<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Before and not after: a write that fails may have sent a part.
        if let Some(has_sent) = &self.has_sent {
            has_sent.store(true, Ordering::Relaxed);
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
