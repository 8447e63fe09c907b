//! HOST:PORT as people write it: in settings, on the command line of a broker, and on that of a client.
//!
//! Takes       a text, which may begin with `PLAINTEXT://` as a listener of Kafka's settings does; an IPv6 address is in brackets.
//! Gives       host and port, or what is wrong with them.
//! Not here    what the name stands for (the system knows), whether anybody listens.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Why a text is no HOST:PORT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// It asks for this one.
    Protocol(String),
    NoPort,
    Port,
    NoHost,
    Host,
    /// Where one can listen, and nobody can connect to.
    Wildcard,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wrong::Protocol(other) => return write!(f, "only PLAINTEXT is served yet, and not {other}"),
            Wrong::NoPort => "it has no port",
            Wrong::Port => "its port is no number below 65536",
            Wrong::NoHost => "it has no host",
            Wrong::Host => "its host is no name of one, and no address",
            Wrong::Wildcard => "it cannot use a nonroutable meta-address: nobody can connect to that",
        })
    }
}

impl std::error::Error for Wrong {}

/// The host, without brackets, and the port. There may be no host: where somebody listens, that is every address.
pub fn host_port(given: &str) -> Result<(&str, u16), Wrong> {
    let plain = match given.split_once("://") {
        Some((protocol, rest)) if protocol.eq_ignore_ascii_case("PLAINTEXT") => rest,
        Some((protocol, _)) => return Err(Wrong::Protocol(protocol.to_owned())),
        None => given,
    };
    let (host, port) = plain.rsplit_once(':').ok_or(Wrong::NoPort)?;
    let port = port.parse().map_err(|_| Wrong::Port)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let is_name = host.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    let is_ipv6 = host.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    if is_name || is_ipv6 { Ok((host, port)) } else { Err(Wrong::Host) }
}

/// As [`host_port`], of somebody whom others shall connect to.
pub fn reachable(given: &str) -> Result<(&str, u16), Wrong> {
    match host_port(given)? {
        ("", _) => Err(Wrong::NoHost),
        (host, _) if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) => Err(Wrong::Wildcard),
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for (given, found) in [
            ("plaintext://[::1]:7", Ok(("::1", 7))),
            ("[fe80::1%eth0]:7", Ok(("fe80::1%eth0", 7))),
            ("::1:7", Ok(("::1", 7))),
            (":0", Ok(("", 0))),
            ("broker_1.example:9", Ok(("broker_1.example", 9))),
            ("SSL://a:1", Err(Wrong::Protocol("SSL".to_owned()))),
            ("a", Err(Wrong::NoPort)),
            ("a:65536", Err(Wrong::Port)),
            ("a b:1", Err(Wrong::Host)),
            ("a,b:1", Err(Wrong::Host)),
            ("a/b:1", Err(Wrong::Host)),
            ("a:b:1", Err(Wrong::Host)),
            ("[a]]:1", Err(Wrong::Host)),
        ] {
            assert_eq!(host_port(given), found, "{given}");
        }
        assert_eq!(
            (reachable(":1"), reachable("0.0.0.0:1"), reachable("[::]:1")),
            (Err(Wrong::NoHost), Err(Wrong::Wildcard), Err(Wrong::Wildcard))
        );
    }
}
