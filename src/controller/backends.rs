//! The external systems that the controller uses: Kubernetes, PostgreSQL, and AWS. Tests replace them with
//! backends that fail.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::kubernetes::{Kubernetes, KubernetesClient};
use crate::{
    api::{ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, StageSpec, StageStatus},
    ivs::{Channels, ChatRooms, Clients, Kind, Stages, StreamKeys},
    store::{Clusters, Evidence, Journal, Orphans, Postgres, Resources, Users},
};

/// The external systems that the controller uses.
pub trait Backends: Send + Sync + 'static {
    /// Kubernetes.
    type Kubernetes: Kubernetes;
    /// PostgreSQL.
    type Store: Users + Clusters + Journal + Resources + Orphans + Evidence;
    /// Amazon IVS channels.
    type Channels: Kind<Settings = ChannelSpec, Status = ChannelStatus> + StreamKeys;
    /// Amazon IVS chat rooms.
    type ChatRooms: Kind<Settings = ChatRoomSpec, Status = ChatRoomStatus>;
    /// Amazon IVS stages.
    type Stages: Kind<Settings = StageSpec, Status = StageStatus>;

    /// Returns the current time, for conditions.
    fn now(&self) -> Time;
    /// Returns the client of Kubernetes.
    fn kubernetes(&self) -> &Self::Kubernetes;
    /// Returns the client of PostgreSQL.
    fn store(&self) -> &Self::Store;
    /// Returns the client of Amazon IVS channels.
    fn channels(&self) -> &Self::Channels;
    /// Returns the client of Amazon IVS chat rooms.
    fn chat_rooms(&self) -> &Self::ChatRooms;
    /// Returns the client of Amazon IVS stages.
    fn stages(&self) -> &Self::Stages;
}

/// The backends of a running controller.
#[derive(Debug)]
pub struct ProductionBackends {
    /// Kubernetes.
    pub kubernetes: KubernetesClient,
    /// PostgreSQL.
    pub store: Postgres,
    /// Amazon IVS.
    pub aws: Clients,
}

impl Backends for ProductionBackends {
    type Kubernetes = KubernetesClient;
    type Store = Postgres;
    type Channels = Channels;
    type ChatRooms = ChatRooms;
    type Stages = Stages;

    fn now(&self) -> Time {
        Time(Timestamp::now())
    }

    fn kubernetes(&self) -> &KubernetesClient {
        &self.kubernetes
    }

    fn store(&self) -> &Postgres {
        &self.store
    }

    fn channels(&self) -> &Channels {
        self.aws.channels()
    }

    fn chat_rooms(&self) -> &ChatRooms {
        self.aws.chat_rooms()
    }

    fn stages(&self) -> &Stages {
        self.aws.stages()
    }
}
