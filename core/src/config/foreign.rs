//! Names from a real server.properties that have no effect here, with the reason that the edge prints, and those that must not
//! be ignored because leaving them out would change what the broker allows.
//!
//! Holds       the types, defaults and checks of Apache Kafka 4.3, so that a mistake in what does nothing is a mistake, too.
//! Not here    settings that do something (`broker.rs`).

use super::topic::NEVER;
use super::value::{Check, Kind, Setting, Update};

use Check::{Any, AtLeast, Between, EachOf, OneOf};
use Kind::{Bool, Double, Int, List, Long, Password, Short, Text};
use Update::{Dynamic, ReadOnly};

const fn row(name: &'static str, kind: Kind, default: Option<&'static str>, check: Check, update: Update) -> Setting {
    Setting { name, kind, default, check, update, doc: "It is accepted and has no effect." }
}

const NO_THREADS: &str = "One event loop per node does this work; there is no pool of threads to size.";
const NO_GROUPS: &str = "Consumer groups are not served yet.";
const NO_SHARE: &str = "Share groups are not served yet.";
const NO_TXN: &str = "Transactions are not served yet.";
const NO_FOLLOWERS: &str = "A single node has no followers and no other controllers.";
const NO_TIERS: &str = "Tiered storage is not served.";
const NO_SECURITY: &str = "Only PLAINTEXT listeners are served, so this has nothing to act on.";
const NO_QUOTAS: &str = "Quotas are not served yet.";
const NO_PURGATORY: &str = "Waiting requests are kept by deadline and dropped when they are answered: nothing has to be purged.";
const NO_CLEANER: &str = "Compaction is not done yet.";
const NO_JVM: &str = "Metrics are on the HTTP port; there is nothing to plug in.";
const OS_SOCKETS: &str = "The operating system sizes and times its sockets.";
const NOT_NEEDED: &str = "Ottla has no use for it.";

/// Names that are accepted and do nothing, by reason.
pub(super) const IGNORED: &[(&str, &[Setting])] = &[
    (
        NO_THREADS,
        &[
            row("background.threads", Int, Some("10"), AtLeast(1), Dynamic),
            row("num.io.threads", Int, Some("8"), AtLeast(1), Dynamic),
            row("num.network.threads", Int, Some("3"), AtLeast(1), Dynamic),
            row("num.recovery.threads.per.data.dir", Int, Some("2"), AtLeast(1), Dynamic),
            row("num.replica.alter.log.dirs.threads", Int, None, Any, ReadOnly),
            row("queued.max.requests", Int, Some("500"), AtLeast(1), ReadOnly),
        ],
    ),
    (
        NO_GROUPS,
        &[
            row("group.consumer.assignment.interval.ms", Int, Some("1000"), AtLeast(0), Dynamic),
            row("group.consumer.assignors", List, Some("uniform,range"), Any, ReadOnly),
            row("group.consumer.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("group.consumer.max.assignment.interval.ms", Int, Some("15000"), AtLeast(0), ReadOnly),
            row("group.consumer.max.heartbeat.interval.ms", Int, Some("15000"), AtLeast(1), ReadOnly),
            row("group.consumer.max.session.timeout.ms", Int, Some("60000"), AtLeast(1), ReadOnly),
            row("group.consumer.max.size", Int, Some("2147483647"), AtLeast(1), ReadOnly),
            row("group.consumer.migration.policy", Text, Some("bidirectional"), Any, ReadOnly),
            row("group.consumer.min.assignment.interval.ms", Int, Some("0"), AtLeast(0), ReadOnly),
            row("group.consumer.min.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("group.consumer.min.session.timeout.ms", Int, Some("45000"), AtLeast(1), ReadOnly),
            row("group.consumer.regex.refresh.interval.ms", Int, Some("600000"), AtLeast(10_000), ReadOnly),
            row("group.consumer.session.timeout.ms", Int, Some("45000"), AtLeast(1), ReadOnly),
            row("group.coordinator.append.linger.ms", Int, Some("-1"), AtLeast(-1), ReadOnly),
            row("group.coordinator.background.threads", Int, Some("2"), AtLeast(1), ReadOnly),
            row("group.coordinator.cached.buffer.max.bytes", Int, Some("1048588"), AtLeast(524_288), Dynamic),
            row(
                "group.coordinator.rebalance.protocols",
                List,
                Some("classic,consumer,streams"),
                EachOf(&["consumer", "classic", "share", "streams"]),
                ReadOnly,
            ),
            row("group.coordinator.threads", Int, Some("4"), AtLeast(1), ReadOnly),
            row("group.initial.rebalance.delay.ms", Int, Some("3000"), Any, ReadOnly),
            row("group.max.session.timeout.ms", Int, Some("1800000"), Any, ReadOnly),
            row("group.max.size", Int, Some("2147483647"), AtLeast(1), ReadOnly),
            row("group.min.session.timeout.ms", Int, Some("6000"), Any, ReadOnly),
            row("group.share.assignment.interval.ms", Int, Some("1000"), AtLeast(0), Dynamic),
            row("group.share.assignors", List, Some("simple"), Any, ReadOnly),
            row("group.share.delivery.count.limit", Int, Some("5"), Between(2, 10), ReadOnly),
            row("group.share.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("group.share.initialize.retry.interval.ms", Int, Some("30000"), AtLeast(1), ReadOnly),
            row("group.share.max.assignment.interval.ms", Int, Some("15000"), AtLeast(0), ReadOnly),
            row("group.share.max.delivery.count.limit", Int, Some("10"), Between(5, 25), ReadOnly),
            row("group.share.max.heartbeat.interval.ms", Int, Some("15000"), AtLeast(1), ReadOnly),
            row("group.share.max.partition.max.record.locks", Int, Some("4000"), Between(2000, 10_000), ReadOnly),
            row("group.share.max.record.lock.duration.ms", Int, Some("60000"), Between(30_000, 3_600_000), ReadOnly),
            row("group.share.max.session.timeout.ms", Int, Some("60000"), AtLeast(1), ReadOnly),
            row("group.share.max.share.sessions", Int, Some("2000"), AtLeast(1), ReadOnly),
            row("group.share.max.size", Int, Some("200"), Between(1, 1000), ReadOnly),
            row("group.share.min.assignment.interval.ms", Int, Some("0"), AtLeast(0), ReadOnly),
            row("group.share.min.delivery.count.limit", Int, Some("2"), Between(2, 5), ReadOnly),
            row("group.share.min.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("group.share.min.partition.max.record.locks", Int, Some("100"), Between(100, 2000), ReadOnly),
            row("group.share.min.record.lock.duration.ms", Int, Some("15000"), Between(1000, 30_000), ReadOnly),
            row("group.share.min.session.timeout.ms", Int, Some("45000"), AtLeast(1), ReadOnly),
            row("group.share.partition.max.record.locks", Int, Some("2000"), Between(100, 10_000), ReadOnly),
            row(
                "group.share.persister.class.name",
                Text,
                Some("org.apache.kafka.server.share.persister.DefaultStatePersister"),
                Any,
                ReadOnly,
            ),
            row("group.share.record.lock.duration.ms", Int, Some("30000"), Between(1000, 3_600_000), ReadOnly),
            row("group.share.session.timeout.ms", Int, Some("45000"), AtLeast(1), ReadOnly),
            row("group.streams.assignment.interval.ms", Int, Some("1000"), AtLeast(0), Dynamic),
            row("group.streams.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("group.streams.initial.rebalance.delay.ms", Int, Some("3000"), AtLeast(0), ReadOnly),
            row("group.streams.max.assignment.interval.ms", Int, Some("15000"), AtLeast(0), ReadOnly),
            row("group.streams.max.heartbeat.interval.ms", Int, Some("15000"), AtLeast(1), ReadOnly),
            row("group.streams.max.session.timeout.ms", Int, Some("60000"), AtLeast(1), ReadOnly),
            row("group.streams.max.size", Int, Some("2147483647"), AtLeast(1), ReadOnly),
            row("group.streams.max.standby.replicas", Int, Some("2"), AtLeast(0), ReadOnly),
            row("group.streams.min.assignment.interval.ms", Int, Some("0"), AtLeast(0), ReadOnly),
            row("group.streams.min.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("group.streams.min.session.timeout.ms", Int, Some("45000"), AtLeast(1), ReadOnly),
            row("group.streams.num.standby.replicas", Int, Some("0"), AtLeast(0), ReadOnly),
            row("group.streams.session.timeout.ms", Int, Some("45000"), AtLeast(1), ReadOnly),
            row("offset.metadata.max.bytes", Int, Some("4096"), Any, ReadOnly),
            row("offsets.commit.timeout.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("offsets.load.buffer.size", Int, Some("5242880"), AtLeast(1), ReadOnly),
            row("offsets.retention.check.interval.ms", Long, Some("600000"), AtLeast(1), ReadOnly),
            row("offsets.retention.minutes", Int, Some("10080"), AtLeast(1), ReadOnly),
            row("offsets.topic.compression.codec", Int, Some("0"), Any, ReadOnly),
            row("offsets.topic.num.partitions", Int, Some("50"), AtLeast(1), ReadOnly),
            row("offsets.topic.replication.factor", Short, Some("3"), AtLeast(1), ReadOnly),
            row("offsets.topic.segment.bytes", Int, Some("104857600"), AtLeast(1), ReadOnly),
        ],
    ),
    (
        NO_SHARE,
        &[
            row("share.coordinator.append.linger.ms", Int, Some("-1"), AtLeast(-1), ReadOnly),
            row("share.coordinator.cached.buffer.max.bytes", Int, Some("1048588"), AtLeast(524_288), Dynamic),
            row("share.coordinator.cold.partition.snapshot.interval.ms", Int, Some("300000"), AtLeast(1), ReadOnly),
            row("share.coordinator.load.buffer.size", Int, Some("5242880"), AtLeast(1), ReadOnly),
            row("share.coordinator.snapshot.update.records.per.snapshot", Int, Some("500"), Between(0, 500), ReadOnly),
            row("share.coordinator.state.topic.compression.codec", Int, Some("0"), Any, ReadOnly),
            row("share.coordinator.state.topic.min.isr", Short, Some("2"), AtLeast(1), ReadOnly),
            row("share.coordinator.state.topic.num.partitions", Int, Some("50"), AtLeast(1), ReadOnly),
            row("share.coordinator.state.topic.prune.interval.ms", Int, Some("300000"), AtLeast(1), ReadOnly),
            row("share.coordinator.state.topic.replication.factor", Short, Some("3"), AtLeast(1), ReadOnly),
            row("share.coordinator.state.topic.segment.bytes", Int, Some("104857600"), AtLeast(1), ReadOnly),
            row("share.coordinator.threads", Int, Some("1"), AtLeast(1), ReadOnly),
            row("share.coordinator.write.timeout.ms", Int, Some("5000"), AtLeast(1), ReadOnly),
            row("share.fetch.purgatory.purge.interval.requests", Int, Some("1000"), Any, ReadOnly),
        ],
    ),
    (
        NO_TXN,
        &[
            row("add.partitions.to.txn.retry.backoff.max.ms", Int, Some("100"), AtLeast(0), ReadOnly),
            row("add.partitions.to.txn.retry.backoff.ms", Int, Some("20"), AtLeast(1), ReadOnly),
            row("transaction.abort.timed.out.transaction.cleanup.interval.ms", Int, Some("10000"), AtLeast(1), ReadOnly),
            row("transaction.max.timeout.ms", Int, Some("900000"), AtLeast(1), ReadOnly),
            row("transaction.partition.verification.enable", Bool, Some("true"), Any, Dynamic),
            row("transaction.remove.expired.transaction.cleanup.interval.ms", Int, Some("3600000"), AtLeast(1), ReadOnly),
            row("transaction.state.log.load.buffer.size", Int, Some("5242880"), AtLeast(1), ReadOnly),
            row("transaction.state.log.min.isr", Int, Some("2"), AtLeast(1), ReadOnly),
            row("transaction.state.log.num.partitions", Int, Some("50"), AtLeast(1), ReadOnly),
            row("transaction.state.log.replication.factor", Short, Some("3"), AtLeast(1), ReadOnly),
            row("transaction.state.log.segment.bytes", Int, Some("104857600"), AtLeast(1), ReadOnly),
            row("transactional.id.expiration.ms", Int, Some("604800000"), AtLeast(1), ReadOnly),
        ],
    ),
    (
        NO_FOLLOWERS,
        &[
            row("alter.log.dirs.replication.quota.window.num", Int, Some("11"), AtLeast(1), ReadOnly),
            row("alter.log.dirs.replication.quota.window.size.seconds", Int, Some("1"), AtLeast(1), ReadOnly),
            row("auto.leader.rebalance.enable", Bool, Some("true"), Any, ReadOnly),
            row("broker.heartbeat.interval.ms", Int, Some("2000"), Any, ReadOnly),
            row("broker.session.timeout.ms", Int, Some("9000"), Any, ReadOnly),
            row("controlled.shutdown.enable", Bool, Some("true"), Any, ReadOnly),
            row("controller.quorum.append.linger.ms", Int, Some("25"), AtLeast(0), ReadOnly),
            row("controller.quorum.auto.join.enable", Bool, Some("false"), Any, ReadOnly),
            row("controller.quorum.bootstrap.servers", List, Some(""), Any, ReadOnly),
            row("controller.quorum.election.backoff.max.ms", Int, Some("1000"), AtLeast(0), ReadOnly),
            row("controller.quorum.election.timeout.ms", Int, Some("1000"), AtLeast(0), ReadOnly),
            row("controller.quorum.fetch.max.bytes", Int, Some("1048576"), AtLeast(1), ReadOnly),
            row("controller.quorum.fetch.snapshot.max.bytes", Int, Some("1048576"), AtLeast(1), ReadOnly),
            row("controller.quorum.fetch.timeout.ms", Int, Some("2000"), AtLeast(0), ReadOnly),
            row("controller.quorum.request.timeout.ms", Int, Some("2000"), AtLeast(0), ReadOnly),
            row("controller.quorum.retry.backoff.ms", Int, Some("20"), AtLeast(0), ReadOnly),
            row("controller.quorum.voters", List, Some(""), Any, ReadOnly),
            row("controller.socket.timeout.ms", Int, Some("30000"), Any, ReadOnly),
            row("follower.fetch.last.tiered.offset.enable", Bool, Some("false"), Any, Dynamic),
            row("follower.replication.throttled.rate", Long, Some(NEVER), AtLeast(0), Dynamic),
            row("initial.broker.registration.timeout.ms", Int, Some("60000"), Any, ReadOnly),
            row("leader.imbalance.check.interval.seconds", Long, Some("300"), AtLeast(1), ReadOnly),
            row("leader.replication.throttled.rate", Long, Some(NEVER), AtLeast(0), Dynamic),
            row("num.replica.fetchers", Int, Some("1"), AtLeast(1), Dynamic),
            row("replica.alter.log.dirs.io.max.bytes.per.second", Long, Some(NEVER), AtLeast(0), Dynamic),
            row("replica.fetch.backoff.ms", Int, Some("1000"), AtLeast(0), ReadOnly),
            row("replica.fetch.max.bytes", Int, Some("1048576"), AtLeast(0), ReadOnly),
            row("replica.fetch.min.bytes", Int, Some("1"), Any, ReadOnly),
            row("replica.fetch.response.max.bytes", Int, Some("10485760"), AtLeast(0), ReadOnly),
            row("replica.fetch.wait.max.ms", Int, Some("500"), Any, ReadOnly),
            row("replica.lag.time.max.ms", Long, Some("30000"), Any, ReadOnly),
            row("replica.selector.class", Text, None, Any, ReadOnly),
            row("replica.socket.receive.buffer.bytes", Int, Some("65536"), Any, ReadOnly),
            row("replica.socket.timeout.ms", Int, Some("30000"), Any, ReadOnly),
            row("replication.quota.window.num", Int, Some("11"), AtLeast(1), ReadOnly),
            row("replication.quota.window.size.seconds", Int, Some("1"), AtLeast(1), ReadOnly),
            row("unclean.leader.election.interval.ms", Long, Some("300000"), AtLeast(1), ReadOnly),
        ],
    ),
    (
        NO_TIERS,
        &[
            row("remote.fetch.max.wait.ms", Int, Some("500"), AtLeast(1), Dynamic),
            row("remote.list.offsets.request.timeout.ms", Long, Some("30000"), AtLeast(1), Dynamic),
            row("remote.log.index.file.cache.total.size.bytes", Long, Some("1073741824"), AtLeast(1), Dynamic),
            row("remote.log.index.file.cache.ttl.ms", Long, Some("900000"), AtLeast(-1), ReadOnly),
            row("remote.log.manager.copier.thread.pool.size", Int, Some("10"), AtLeast(1), Dynamic),
            row("remote.log.manager.copy.max.bytes.per.second", Long, Some(NEVER), AtLeast(1), Dynamic),
            row("remote.log.manager.copy.quota.window.num", Int, Some("11"), AtLeast(1), ReadOnly),
            row("remote.log.manager.copy.quota.window.size.seconds", Int, Some("1"), AtLeast(1), ReadOnly),
            row("remote.log.manager.expiration.thread.pool.size", Int, Some("10"), AtLeast(1), Dynamic),
            row("remote.log.manager.fetch.max.bytes.per.second", Long, Some(NEVER), AtLeast(1), Dynamic),
            row("remote.log.manager.fetch.quota.window.num", Int, Some("11"), AtLeast(1), ReadOnly),
            row("remote.log.manager.fetch.quota.window.size.seconds", Int, Some("1"), AtLeast(1), ReadOnly),
            row("remote.log.manager.follower.thread.pool.size", Int, Some("2"), AtLeast(1), Dynamic),
            row("remote.log.manager.task.interval.ms", Long, Some("30000"), AtLeast(1), ReadOnly),
            row("remote.log.manager.task.retry.backoff.max.ms", Long, Some("30000"), AtLeast(1), ReadOnly),
            row("remote.log.manager.task.retry.backoff.ms", Long, Some("500"), AtLeast(1), ReadOnly),
            row("remote.log.manager.task.retry.jitter", Double, Some("0.2"), Any, ReadOnly),
            row("remote.log.manager.thread.pool.size", Int, Some("2"), AtLeast(1), ReadOnly),
            row("remote.log.metadata.custom.metadata.max.bytes", Int, Some("128"), AtLeast(0), ReadOnly),
            row(
                "remote.log.metadata.manager.class.name",
                Text,
                Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"),
                Any,
                ReadOnly,
            ),
            row("remote.log.metadata.manager.class.path", Text, None, Any, ReadOnly),
            row("remote.log.metadata.manager.impl.prefix", Text, Some("rlmm.config."), Any, ReadOnly),
            row("remote.log.metadata.manager.listener.name", Text, None, Any, ReadOnly),
            row("remote.log.reader.max.pending.tasks", Int, Some("100"), AtLeast(1), ReadOnly),
            row("remote.log.reader.threads", Int, Some("10"), AtLeast(1), Dynamic),
            row("remote.log.storage.manager.class.name", Text, None, Any, ReadOnly),
            row("remote.log.storage.manager.class.path", Text, None, Any, ReadOnly),
            row("remote.log.storage.manager.impl.prefix", Text, Some("rsm.config."), Any, ReadOnly),
        ],
    ),
    (
        NO_SECURITY,
        &[
            row("connection.failed.authentication.delay.ms", Int, Some("100"), AtLeast(0), ReadOnly),
            row("connections.max.reauth.ms", Long, Some("0"), Any, ReadOnly),
            row("delegation.token.expiry.check.interval.ms", Long, Some("3600000"), AtLeast(1), ReadOnly),
            row("delegation.token.expiry.time.ms", Long, Some("86400000"), AtLeast(1), ReadOnly),
            row("delegation.token.max.lifetime.ms", Long, Some("604800000"), AtLeast(1), ReadOnly),
            row("delegation.token.secret.key", Password, None, Any, ReadOnly),
            row("sasl.client.callback.handler.class", Text, None, Any, ReadOnly),
            row("sasl.enabled.mechanisms", List, Some("GSSAPI"), Any, Dynamic),
            row("sasl.jaas.config", Password, None, Any, Dynamic),
            row("sasl.kerberos.kinit.cmd", Text, Some("/usr/bin/kinit"), Any, Dynamic),
            row("sasl.kerberos.min.time.before.relogin", Long, Some("60000"), Any, Dynamic),
            row("sasl.kerberos.principal.to.local.rules", List, Some("DEFAULT"), Any, Dynamic),
            row("sasl.kerberos.service.name", Text, None, Any, Dynamic),
            row("sasl.kerberos.ticket.renew.jitter", Double, Some("0.05"), Any, Dynamic),
            row("sasl.kerberos.ticket.renew.window.factor", Double, Some("0.8"), Any, Dynamic),
            row("sasl.login.callback.handler.class", Text, None, Any, ReadOnly),
            row("sasl.login.class", Text, None, Any, ReadOnly),
            row("sasl.login.connect.timeout.ms", Int, None, Any, ReadOnly),
            row("sasl.login.read.timeout.ms", Int, None, Any, ReadOnly),
            row("sasl.login.refresh.buffer.seconds", Short, Some("300"), Any, Dynamic),
            row("sasl.login.refresh.min.period.seconds", Short, Some("60"), Any, Dynamic),
            row("sasl.login.refresh.window.factor", Double, Some("0.8"), Any, Dynamic),
            row("sasl.login.refresh.window.jitter", Double, Some("0.05"), Any, Dynamic),
            row("sasl.login.retry.backoff.max.ms", Long, Some("10000"), Any, ReadOnly),
            row("sasl.login.retry.backoff.ms", Long, Some("100"), Any, ReadOnly),
            row("sasl.mechanism.controller.protocol", Text, Some("GSSAPI"), Any, ReadOnly),
            row("sasl.mechanism.inter.broker.protocol", Text, Some("GSSAPI"), Any, Dynamic),
            row("sasl.oauthbearer.assertion.algorithm", Text, Some("RS256"), Any, ReadOnly),
            row("sasl.oauthbearer.assertion.claim.aud", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.assertion.claim.exp.seconds", Int, Some("300"), Between(0, 86_400), ReadOnly),
            row("sasl.oauthbearer.assertion.claim.iss", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.assertion.claim.jti.include", Bool, Some("false"), Any, ReadOnly),
            row("sasl.oauthbearer.assertion.claim.nbf.seconds", Int, Some("60"), Between(0, 3600), ReadOnly),
            row("sasl.oauthbearer.assertion.claim.sub", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.assertion.file", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.assertion.private.key.file", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.assertion.private.key.passphrase", Password, None, Any, ReadOnly),
            row("sasl.oauthbearer.assertion.template.file", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.client.credentials.client.id", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.client.credentials.client.secret", Password, None, Any, ReadOnly),
            row("sasl.oauthbearer.clock.skew.seconds", Int, Some("30"), Any, ReadOnly),
            row("sasl.oauthbearer.expected.audience", List, Some(""), Any, ReadOnly),
            row("sasl.oauthbearer.expected.issuer", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, Some("3600000"), Any, ReadOnly),
            row("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, Some("10000"), Any, ReadOnly),
            row("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, Some("100"), Any, ReadOnly),
            row("sasl.oauthbearer.jwks.endpoint.url", Text, None, Any, ReadOnly),
            row(
                "sasl.oauthbearer.jwt.retriever.class",
                Text,
                Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
                Any,
                ReadOnly,
            ),
            row(
                "sasl.oauthbearer.jwt.validator.class",
                Text,
                Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
                Any,
                ReadOnly,
            ),
            row("sasl.oauthbearer.scope", Text, None, Any, ReadOnly),
            row("sasl.oauthbearer.scope.claim.name", Text, Some("scope"), Any, ReadOnly),
            row("sasl.oauthbearer.sub.claim.name", Text, Some("sub"), Any, ReadOnly),
            row("sasl.oauthbearer.token.endpoint.url", Text, None, Any, ReadOnly),
            row("sasl.server.callback.handler.class", Text, None, Any, ReadOnly),
            row("sasl.server.max.receive.size", Int, Some("524288"), Any, ReadOnly),
            row(
                "security.inter.broker.protocol",
                Text,
                Some("PLAINTEXT"),
                OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
                ReadOnly,
            ),
            row("security.providers", Text, None, Any, ReadOnly),
            row("ssl.allow.dn.changes", Bool, Some("false"), Any, ReadOnly),
            row("ssl.allow.san.changes", Bool, Some("false"), Any, ReadOnly),
            row("ssl.cipher.suites", List, Some(""), Any, Dynamic),
            row("ssl.client.auth", Text, Some("none"), OneOf(&["required", "requested", "none"]), Dynamic),
            row("ssl.enabled.protocols", List, Some("TLSv1.2,TLSv1.3"), Any, Dynamic),
            row("ssl.endpoint.identification.algorithm", Text, Some("https"), Any, Dynamic),
            row("ssl.engine.factory.class", Text, None, Any, Dynamic),
            row("ssl.key.password", Password, None, Any, Dynamic),
            row("ssl.keymanager.algorithm", Text, Some("SunX509"), Any, Dynamic),
            row("ssl.keystore.certificate.chain", Password, None, Any, Dynamic),
            row("ssl.keystore.key", Password, None, Any, Dynamic),
            row("ssl.keystore.location", Text, None, Any, Dynamic),
            row("ssl.keystore.password", Password, None, Any, Dynamic),
            row("ssl.keystore.type", Text, Some("JKS"), Any, Dynamic),
            row("ssl.principal.mapping.rules", Text, Some("DEFAULT"), Any, ReadOnly),
            row("ssl.protocol", Text, Some("TLSv1.3"), Any, Dynamic),
            row("ssl.provider", Text, None, Any, Dynamic),
            row("ssl.secure.random.implementation", Text, None, Any, Dynamic),
            row("ssl.trustmanager.algorithm", Text, Some("PKIX"), Any, Dynamic),
            row("ssl.truststore.certificates", Password, None, Any, Dynamic),
            row("ssl.truststore.location", Text, None, Any, Dynamic),
            row("ssl.truststore.password", Password, None, Any, Dynamic),
            row("ssl.truststore.type", Text, Some("JKS"), Any, Dynamic),
        ],
    ),
    (
        NO_QUOTAS,
        &[
            row("controller.quota.window.num", Int, Some("11"), AtLeast(1), ReadOnly),
            row("controller.quota.window.size.seconds", Int, Some("1"), AtLeast(1), ReadOnly),
            row("max.connection.creation.rate", Int, Some("2147483647"), AtLeast(0), Dynamic),
            row("max.connections.per.ip", Int, Some("2147483647"), AtLeast(0), Dynamic),
            row("max.connections.per.ip.overrides", Text, Some(""), Any, Dynamic),
            row("quota.window.num", Int, Some("11"), AtLeast(1), ReadOnly),
            row("quota.window.size.seconds", Int, Some("1"), AtLeast(1), ReadOnly),
        ],
    ),
    (
        NO_PURGATORY,
        &[
            row("delete.records.purgatory.purge.interval.requests", Int, Some("1"), Any, ReadOnly),
            row("fetch.purgatory.purge.interval.requests", Int, Some("1000"), Any, ReadOnly),
            row("producer.purgatory.purge.interval.requests", Int, Some("1000"), Any, ReadOnly),
        ],
    ),
    (
        NO_CLEANER,
        &[
            row("log.cleaner.backoff.ms", Long, Some("15000"), AtLeast(0), Dynamic),
            row("log.cleaner.dedupe.buffer.size", Long, Some("134217728"), Any, Dynamic),
            row("log.cleaner.enable", Bool, Some("true"), Any, ReadOnly),
            row("log.cleaner.io.buffer.load.factor", Double, Some("0.9"), Any, Dynamic),
            row("log.cleaner.io.buffer.size", Int, Some("524288"), AtLeast(0), Dynamic),
            row("log.cleaner.io.max.bytes.per.second", Double, Some("1.7976931348623157E308"), Any, Dynamic),
            row("log.cleaner.threads", Int, Some("1"), AtLeast(0), Dynamic),
        ],
    ),
    (
        NO_JVM,
        &[
            row("kafka.metrics.polling.interval.secs", Int, Some("10"), AtLeast(1), ReadOnly),
            row("kafka.metrics.reporters", List, Some(""), Any, ReadOnly),
            row("metric.reporters", List, Some("org.apache.kafka.common.metrics.JmxReporter"), Any, Dynamic),
            row("metrics.num.samples", Int, Some("2"), AtLeast(1), ReadOnly),
            row("metrics.recording.level", Text, Some("INFO"), Any, ReadOnly),
            row("metrics.sample.window.ms", Long, Some("30000"), AtLeast(1), ReadOnly),
            row("telemetry.max.bytes", Int, Some("1048576"), AtLeast(1), ReadOnly),
        ],
    ),
    (
        OS_SOCKETS,
        &[
            row("socket.connection.setup.timeout.max.ms", Long, Some("30000"), Any, ReadOnly),
            row("socket.connection.setup.timeout.ms", Long, Some("10000"), Any, ReadOnly),
            row("socket.listen.backlog.size", Int, Some("50"), AtLeast(1), ReadOnly),
            row("socket.receive.buffer.bytes", Int, Some("102400"), Any, ReadOnly),
            row("socket.send.buffer.bytes", Int, Some("102400"), Any, ReadOnly),
        ],
    ),
    (
        NOT_NEEDED,
        &[
            row("controller.performance.always.log.threshold.ms", Long, Some("2000"), AtLeast(0), ReadOnly),
            row("controller.performance.sample.period.ms", Long, Some("60000"), AtLeast(100), ReadOnly),
            row("early.start.listeners", List, None, Any, ReadOnly),
            row("internal.metadata.delete.delay.millis", Long, Some("60000"), Any, ReadOnly),
            row("internal.metadata.max.batch.size.in.bytes", Int, Some("8388608"), Any, ReadOnly),
            row("log.dir.failure.timeout.ms", Long, Some("30000"), AtLeast(1), ReadOnly),
            row("log.initial.task.delay.ms", Long, Some("30000"), AtLeast(0), ReadOnly),
            row("metadata.log.max.snapshot.interval.ms", Long, Some("3600000"), AtLeast(0), ReadOnly),
            row("metadata.log.segment.ms", Long, Some("604800000"), Any, ReadOnly),
            row("metadata.max.idle.interval.ms", Int, Some("500"), AtLeast(0), ReadOnly),
            row("metadata.max.retention.bytes", Long, Some("104857600"), Any, ReadOnly),
            row("metadata.max.retention.ms", Long, Some("604800000"), Any, ReadOnly),
            row("producer.id.expiration.check.interval.ms", Int, Some("600000"), AtLeast(1), ReadOnly),
            row("request.timeout.ms", Int, Some("30000"), Any, ReadOnly),
            row("server.max.startup.time.ms", Long, Some(NEVER), AtLeast(0), ReadOnly),
            row("unstable.api.versions.enable", Bool, Some("false"), Any, ReadOnly),
            row("unstable.feature.versions.enable", Bool, Some("false"), Any, ReadOnly),
        ],
    ),
];

/// Names from the table of those with an effect that have none but to be the default of a topic's setting, which has none either:
/// both are kept and shown, as clients expect it.
pub(super) const KEPT: &[(&str, &str)] = &[
    ("log.cleaner.delete.retention.ms", NO_CLEANER),
    ("log.cleaner.max.compaction.lag.ms", NO_CLEANER),
    ("log.cleaner.min.cleanable.ratio", NO_CLEANER),
    ("log.cleaner.min.compaction.lag.ms", NO_CLEANER),
    ("log.local.retention.bytes", NO_TIERS),
    ("log.local.retention.ms", NO_TIERS),
    ("unclean.leader.election.enable", NO_FOLLOWERS),
    ("log.preallocate", "No space is taken ahead: a segment grows as it is written."),
];

/// Names of older versions that Kafka itself no longer knows.
const GONE: &[&str] = &[
    "advertised.host.name",
    "advertised.port",
    "broker.id.generation.enable",
    "control.plane.listener.name",
    "host.name",
    "inter.broker.protocol.version",
    "log.message.downconversion.enable",
    "log.message.format.version",
    "log.message.timestamp.difference.max.ms",
    "port",
    "reserved.broker.max.id",
    "zookeeper.connect",
    "zookeeper.connection.timeout.ms",
    "zookeeper.session.timeout.ms",
];

/// Names that are refused, unless the value is the one that asks for nothing, with the reason.
pub(super) const REFUSED: &[(&str, &[&str], &str)] = &[
    (
        "alter.config.policy.class.name",
        &[""],
        "Java policies cannot be loaded, and starting without this one would skip its checks.",
    ),
    (
        "allow.everyone.if.no.acl.found",
        &["true"],
        "Access control is not served yet: starting without it would open the broker to everybody.",
    ),
    ("authorizer.class.name", &[""], "Access control is not served yet: starting without it would open the broker to everybody."),
    ("client.quota.callback.class", &[""], "Java callbacks cannot be loaded."),
    ("config.providers", &[""], "Values must be written out: configuration providers cannot be loaded."),
    ("cordoned.log.dirs", &[""], "There is one data directory, which cannot be cordoned."),
    (
        "create.topic.policy.class.name",
        &[""],
        "Java policies cannot be loaded, and starting without this one would skip its checks.",
    ),
    ("metadata.log.dir", &[""], "The metadata log lies in the data directory."),
    (
        "principal.builder.class",
        &["", "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"],
        "Authentication is not served yet.",
    ),
    ("remote.log.storage.system.enable", &["false"], "Tiered storage is not served."),
    ("super.users", &[""], "Access control is not served yet."),
    ("transaction.two.phase.commit.enable", &["false"], "Transactions are not served yet."),
];

/// Why a name that Kafka knows does nothing here. Per-listener settings (`listener.name.NAME.*`) concern security alone.
#[must_use]
pub fn ignored(name: &str) -> Option<&'static str> {
    if name.starts_with("listener.name.") {
        return Some(NO_SECURITY);
    }
    if GONE.contains(&name) {
        return Some(NOT_NEEDED);
    }
    IGNORED.iter().find(|(_, rows)| rows.iter().any(|s| s.name == name)).map(|(why, _)| *why)
}

/// The row of a setting that does nothing here.
#[must_use]
pub fn foreign_setting(name: &str) -> Option<&'static Setting> {
    IGNORED.iter().flat_map(|(_, rows)| rows.iter()).find(|s| s.name == name)
}

/// Whether Kafka knows the name, and it does nothing here or is refused.
#[must_use]
pub fn is_known(name: &str) -> bool {
    ignored(name).is_some() || is_refused(name)
}

/// Whether the name is one that must not be ignored.
#[must_use]
pub fn is_refused(name: &str) -> bool {
    REFUSED.iter().any(|(n, ..)| *n == name)
}

/// Whether only one broker can be given a setting while it runs, not all of them at once.
#[must_use]
pub fn is_per_broker(name: &str) -> bool {
    let name = match name.strip_prefix("listener.name.").and_then(|rest| rest.split_once('.')) {
        Some((_, name)) => name,
        None => name,
    };
    let is_secret_of_one = name.starts_with("ssl.") || name.starts_with("sasl.");
    is_secret_of_one && foreign_setting(name).is_some_and(|s| s.update == Dynamic)
}

/// Whether a setting can be changed for one listener alone, under `listener.name.NAME.`.
#[must_use]
pub fn is_per_listener(name: &str) -> bool {
    name.starts_with("ssl.keystore.") || name.starts_with("ssl.truststore.") || name == "ssl.key.password"
}

/// Whether a name may be passed over that is in no table, as Kafka does, since a plugin may know it. Not one that looks like a
/// mistyped name of what protects the broker or the data, nor one of Ottla's own: nobody else's plugin knows it.
#[must_use]
pub fn may_be_ignored(name: &str) -> bool {
    const LISTENERS: [&str; 2] = ["listeners", "listener.security.protocol.map"];
    let protects = REFUSED.iter().map(|(n, ..)| *n).chain(LISTENERS);
    super::broker_setting(super::current_name(name)).is_none()
        && !name.starts_with("ottla.")
        && super::nearest_of(name, protects).is_none()
}
