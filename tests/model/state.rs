//! The state of the model: contents of Kubernetes, PostgreSQL, and AWS, the controllers, and the remaining
//! faults.

use super::{
    actions::{ControllerId, UserAction},
    controller_state::ControllerState,
};

/// UID of an object of the account. An object that is re-created under the same name has another.
pub type Uid = u8;
/// Id of a row of `users`. Ids are never reused.
pub type UserId = u8;
/// UID of a retained user's object, which no longer exists.
pub const RETAINED: Uid = Uid::MAX;
/// Number of an attempt, and of the resource that its Create creates. A lower number is older.
pub type Nonce = u8;

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Kubernetes: the object with the account's name.
    pub object: Option<Object>,
    /// Number of user actions done so far.
    pub actions_done: u8,
    /// PostgreSQL: the row of the account's username.
    pub user: Option<User>,
    /// Number of user ids used so far.
    pub users: u8,
    /// PostgreSQL: tombstones of deleted users and their objects.
    pub tombstones: Vec<(UserId, Uid)>,
    /// PostgreSQL: the resource recorded for the user.
    pub recorded: Option<Nonce>,
    /// PostgreSQL's journal, and the outcome of each call in AWS.
    pub attempts: Vec<Attempt>,
    /// The resource of a retained user of the same username, which the object of this scenario never owned.
    pub retained: Option<Nonce>,
    /// States of the controllers.
    pub controllers: [ControllerState; 2],
    /// Remaining faults.
    pub faults: Faults,
    /// True if a resource was deleted that an account still needed or that was another user's.
    pub deleted_wrongly: bool,
    /// True if a Create was sent for an object without our finalizer.
    pub created_without_finalizer: bool,
}

/// The account in Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub uid: Uid,
    pub finalizer: bool,
    pub deleting: bool,
    /// The resource that status names as Ready.
    pub status: Option<Nonce>,
}

/// A row of `users`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User {
    pub id: UserId,
    /// UID of the object that owns the user.
    pub uid: Uid,
    pub deleting: bool,
}

/// One try to create the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The user in the tags of its resource.
    pub user: UserId,
    /// True if the journal has the attempt as open.
    pub open: bool,
    /// True once the deadline and the grace period have passed, by the database's clock.
    pub expired: bool,
    pub call: Call,
}

/// The outcome of a Create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Not sent.
    Unsent,
    /// In flight.
    InFlight,
    /// Lost; it never reaches AWS.
    Lost,
    /// Executed; Get and List do not show the resource yet.
    Executed,
    /// Get and List show the resource.
    Shown,
    /// The resource was deleted.
    Deleted,
}

impl Call {
    /// Returns true if the resource exists.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Executed | Self::Shown)
    }
}

/// Numbers of the faults that may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A controller crashes and loses its state.
    pub crashes: u8,
    /// A Create is executed, and its response is lost.
    pub lost_responses: u8,
    /// A Create never reaches AWS.
    pub lost_calls: u8,
    /// A Create takes effect after its attempt's deadline: the caller was suspended, or the network delayed
    /// the call.
    pub late_calls: u8,
}

impl State {
    /// Returns a state with a new object and nothing else.
    pub fn new(faults: Faults) -> Self {
        Self {
            object: Some(Object::new(0)),
            actions_done: 0,
            user: None,
            users: 0,
            tombstones: Vec::new(),
            recorded: None,
            attempts: Vec::new(),
            retained: None,
            controllers: [ControllerState::Idle; 2],
            faults,
            deleted_wrongly: false,
            created_without_finalizer: false,
        }
    }

    /// Returns a state with a new object whose username a retained user has: the claim is refused.
    pub fn with_retained_user(faults: Faults) -> Self {
        Self {
            user: Some(User { id: 0, uid: RETAINED, deleting: false }),
            users: 1,
            recorded: Some(0),
            attempts: vec![Attempt { user: 0, open: false, expired: true, call: Call::Shown }],
            retained: Some(0),
            ..Self::new(faults)
        }
    }

    /// Returns true if the account is Stalled: its claim is refused, and only its deletion changes that.
    pub fn is_refused(&self) -> bool {
        self.retained.is_some() && self.object.is_some_and(|object| object.finalizer && !object.deleting)
    }

    /// Returns all attempts with their nonces.
    pub fn all(&self) -> impl Iterator<Item = (Nonce, Attempt)> {
        (0..).zip(self.attempts.iter().copied())
    }

    pub fn attempt(&self, nonce: Nonce) -> Attempt {
        self.attempts[usize::from(nonce)]
    }

    pub fn attempt_mut(&mut self, nonce: Nonce) -> &mut Attempt {
        &mut self.attempts[usize::from(nonce)]
    }

    /// Returns true if Get and List show the resource.
    pub fn is_shown(&self, nonce: Nonce) -> bool {
        self.attempt(nonce).call == Call::Shown
    }

    /// Returns the user's open attempt.
    pub fn open_attempt(&self, user: UserId) -> Option<Nonce> {
        self.all().find(|(_, attempt)| attempt.open && attempt.user == user).map(|(nonce, _)| nonce)
    }

    /// Returns true if this object exists.
    pub fn exists(&self, uid: Uid) -> bool {
        self.object.is_some_and(|object| object.uid == uid)
    }

    pub fn is_deleted_user(&self, user: UserId) -> bool {
        self.tombstones.iter().any(|(deleted, _)| *deleted == user)
    }

    pub fn has_tombstone(&self, uid: Uid) -> bool {
        self.tombstones.iter().any(|(_, deleted)| *deleted == uid)
    }

    /// Returns true if a controller has opened this attempt and is about to send its call.
    pub fn is_about_to_send(&self, nonce: Nonce) -> bool {
        self.controllers
            .iter()
            .any(|state| matches!(state, ControllerState::Creating { nonce: sends, .. } if *sends == nonce))
    }

    pub fn act(&mut self, action: UserAction) {
        self.actions_done += 1;
        match (action, &mut self.object) {
            (UserAction::Delete, Some(object)) if object.finalizer => object.deleting = true,
            (UserAction::Delete, _) => self.object = None,
            (UserAction::Recreate, _) => self.object = Some(Object::new(self.actions_done)),
        }
    }

    pub fn expire(&mut self, nonce: Nonce) {
        let call = self.attempt(nonce).call;
        if call == Call::InFlight || (call == Call::Unsent && self.is_about_to_send(nonce)) {
            self.faults.late_calls -= 1;
        }
        self.attempt_mut(nonce).expired = true;
    }

    /// Loses a response. An SDK that retries sends the call again.
    pub fn lose_response(&mut self, controller: ControllerId, retries: bool) {
        self.faults.lost_responses -= 1;
        let previous = std::mem::replace(&mut self.controllers[controller], ControllerState::Idle);
        if let (ControllerState::AwaitingResponse { owner, nonce }, true) = (previous, retries) {
            let again = Attempt { call: Call::InFlight, ..self.attempt(nonce) };
            self.attempt_mut(nonce).open = false;
            self.attempts.push(again);
            self.controllers[controller] = ControllerState::AwaitingResponse { owner, nonce: nonce + 1 };
        }
    }

    /// Returns the state with its controllers in a fixed order, because they are interchangeable.
    pub fn representative(&self) -> Self {
        let mut state = self.clone();
        state.controllers.sort_unstable();
        state
    }
}

impl Object {
    pub fn new(uid: Uid) -> Self {
        Self { uid, finalizer: false, deleting: false, status: None }
    }

    /// Returns true if a reconcile has nothing to do, like `is_settled` in `src/controller/account.rs`.
    pub fn is_settled(self) -> bool {
        if self.deleting { !self.finalizer } else { self.finalizer && self.status.is_some() }
    }
}
