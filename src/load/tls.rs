//! TLS for the load: one shared configuration, roots of the system and of the scenario, client certificates.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error as RustlsError, SignatureScheme};
use rustls_platform_verifier::Verifier;
use thiserror::Error;

use crate::scenario::{HttpVersion, TlsOptions};

/// Whether the target's certificate has to be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateCheck {
    Required,
    /// `--insecure`: any certificate will do.
    Skipped,
}

/// What is wrong with the TLS files of a scenario.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("`tls.{key}` holds no usable PEM: {source}")]
    Pem { key: &'static str, source: rustls::pki_types::pem::Error },
    #[error("`tls.{key}` is missing: `cert` and `key` belong together")]
    Half { key: &'static str },
    #[error("the certificates cannot be used: {0}")]
    Rustls(#[from] RustlsError),
}

/// The configuration that all connections of a load share.
///
/// # Errors
/// [`TlsError`] where the scenario's files cannot be used.
pub fn client_config(options: &TlsOptions, check: CertificateCheck, version: HttpVersion) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        CertificateCheck::Skipped => Arc::new(AcceptAny(provider.signature_verification_algorithms)),
        CertificateCheck::Required => Arc::new(verifier(options, &provider)?),
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match (&options.cert, &options.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsError::Pem { key: "key", source })?;
            builder.with_client_auth_cert(certificates(cert, "cert")?, key)?
        }
        (None, Some(_)) => return Err(TlsError::Half { key: "cert" }),
        (Some(_), None) => return Err(TlsError::Half { key: "key" }),
    };
    config.alpn_protocols = match version {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
}

fn verifier(options: &TlsOptions, provider: &Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
    let extra = options.ca.as_deref().map(|ca| certificates(ca, "ca")).transpose()?.unwrap_or_default();
    Ok(Verifier::new_with_extra_roots(extra, Arc::clone(provider))?)
}

fn certificates(pem: &[u8], key: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(list) if list.is_empty() => Err(TlsError::Pem { key, source: rustls::pki_types::pem::Error::NoItemsFound }),
        Ok(list) => Ok(list),
        Err(source) => Err(TlsError::Pem { key, source }),
    }
}

/// Accepts every certificate; signatures are still checked, so that the connection is one.
#[derive(Debug)]
struct AcceptAny(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls12_signature(message, cert, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls13_signature(message, cert, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
