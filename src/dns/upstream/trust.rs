//! Which certificate authorities are trusted when an upstream proves its name.
//!
//! Those of the web, which the program brings along: a router has no bundle of its own. Those of
//! this machine's system, where it has some: who runs a resolver of their own has put its authority
//! there. And those of the household's file (`upstream_ca`). The first two are read once, by the
//! first upstream that needs them, and shared by all.

use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use tracing::debug;

/// The authorities to trust, with some more.
pub(super) fn roots(more: &[CertificateDer<'static>]) -> Arc<RootCertStore> {
    static SHARED: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Arc::new(of_web_and_system()));
    if more.is_empty() {
        return Arc::clone(shared);
    }
    let mut roots = RootCertStore::clone(shared);
    roots.add_parsable_certificates(more.iter().cloned());
    Arc::new(roots)
}

fn of_web_and_system() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        // Most routers have none, and the web's serve.
        debug!("some certificates of this system cannot be read: {error}");
    }
    let mut of_system = RootCertStore::empty();
    of_system.add_parsable_certificates(system.certs);
    // Most are the web's too.
    let own: Vec<_> =
        of_system.roots.into_iter().filter(|root| !roots.roots.contains(root)).collect();
    roots.roots.extend(own);
    roots
}
