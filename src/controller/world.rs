//! The outside world: the cluster, the database, AWS. The same code runs on the real one and on one that fails.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{Cluster, Kube};
use crate::{
    api::{ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, StageSpec, StageStatus},
    ivs::{Channels, ChatRooms, Kind, Stages, StreamKeys},
    store::{Clusters, Evidence, Journal, Orphans, Postgres, Resources, Users},
};

/// Everything outside that the controller talks to.
pub trait World: Send + Sync + 'static {
    /// Kubernetes.
    type Cluster: Cluster;
    /// PostgreSQL.
    type Store: Users + Clusters + Journal + Resources + Orphans + Evidence;
    /// Amazon IVS channels.
    type Channels: Kind<Settings = ChannelSpec, Status = ChannelStatus> + StreamKeys;
    /// Amazon IVS chat rooms.
    type ChatRooms: Kind<Settings = ChatRoomSpec, Status = ChatRoomStatus>;
    /// Amazon IVS stages.
    type Stages: Kind<Settings = StageSpec, Status = StageStatus>;

    /// The time that conditions carry.
    fn now(&self) -> Time;
    /// Kubernetes.
    fn cluster(&self) -> &Self::Cluster;
    /// PostgreSQL.
    fn store(&self) -> &Self::Store;
    /// Amazon IVS channels.
    fn channels(&self) -> &Self::Channels;
    /// Amazon IVS chat rooms.
    fn chat_rooms(&self) -> &Self::ChatRooms;
    /// Amazon IVS stages.
    fn stages(&self) -> &Self::Stages;
}

/// Does something with one kind of AWS: here the kinds are told apart, and nowhere else in the controller.
macro_rules! with_kind {
    ($world:expr, $which:expr, |$kind:ident| $does:expr) => {
        match $which {
            $crate::api::ResourceKind::Channel => {
                let $kind = $world.channels();
                $does
            }
            $crate::api::ResourceKind::ChatRoom => {
                let $kind = $world.chat_rooms();
                $does
            }
            $crate::api::ResourceKind::Stage => {
                let $kind = $world.stages();
                $does
            }
        }
    };
}
pub(super) use with_kind;

/// The real world.
#[derive(Debug)]
pub struct Real {
    /// Kubernetes.
    pub cluster: Kube,
    /// PostgreSQL.
    pub store: Postgres,
    /// Amazon IVS channels.
    pub channels: Channels,
    /// Amazon IVS chat rooms.
    pub chat_rooms: ChatRooms,
    /// Amazon IVS stages.
    pub stages: Stages,
}

impl World for Real {
    type Cluster = Kube;
    type Store = Postgres;
    type Channels = Channels;
    type ChatRooms = ChatRooms;
    type Stages = Stages;

    fn now(&self) -> Time {
        Time(Timestamp::now())
    }

    fn cluster(&self) -> &Kube {
        &self.cluster
    }

    fn store(&self) -> &Postgres {
        &self.store
    }

    fn channels(&self) -> &Channels {
        &self.channels
    }

    fn chat_rooms(&self) -> &ChatRooms {
        &self.chat_rooms
    }

    fn stages(&self) -> &Stages {
        &self.stages
    }
}
