//! The world: what Kubernetes, PostgreSQL and AWS hold, where each controller is, and which faults may still come.

use super::{
    actions::{ControllerId, UserAction},
    controller_state::ControllerState,
};

/// An object of the one account; made again under the same name it has another.
pub type Uid = u8;
/// A row of `users`; no id is given out twice.
pub type UserId = u8;
/// The object of a retained user, which is not there any more.
pub const RETAINED: Uid = Uid::MAX;
/// An attempt, and the resource that its Create makes. They are counted: the lower, the older.
pub type Nonce = u8;

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Kubernetes: the object of the account's name.
    pub object: Option<Object>,
    /// How much of the story people have told.
    pub actions_done: u8,
    /// PostgreSQL: the row of the account's username.
    pub user: Option<User>,
    /// Ids given out to users.
    pub users: u8,
    /// PostgreSQL: released users, and the objects that they were.
    pub released: Vec<(UserId, Uid)>,
    /// PostgreSQL: the resource recorded for the user.
    pub recorded: Option<Nonce>,
    /// PostgreSQL's journal, and what became of each call at AWS.
    pub attempts: Vec<Attempt>,
    /// The resource of a retained user of the same username, which the object of this story never held.
    pub retained: Option<Nonce>,
    /// Where the controllers are.
    pub controllers: [ControllerState; 2],
    /// Faults that may still come.
    pub faults: Faults,
    /// Whether something was deleted that an account kept, or that was not the user's.
    pub wronged: bool,
    /// Whether a Create was sent for an object without our finalizer.
    pub exposed: bool,
}

/// The account in Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub uid: Uid,
    pub finalizer: bool,
    pub deleting: bool,
    /// The resource of which status says that it is Ready.
    pub status: Option<Nonce>,
}

/// A row of `users`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User {
    pub id: UserId,
    /// The object that holds it.
    pub uid: Uid,
    pub leaving: bool,
}

/// One try to create the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The tag that what it makes carries.
    pub user: UserId,
    /// Whether the journal has it as open.
    pub open: bool,
    /// Whether deadline and grace have passed, by the database's clock.
    pub settled: bool,
    pub call: Call,
}

/// What became of a call to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// It was not sent.
    Unsent,
    /// It is under way.
    Flying,
    /// It will never arrive.
    Lost,
    /// It made the resource, which lists and reads do not show yet.
    Landed,
    /// The resource is there and shown.
    Shown,
    /// The resource was deleted.
    Deleted,
}

impl Call {
    /// Whether the resource is there.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Landed | Self::Shown)
    }
}

/// How many faults may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A controller dies, and another start of it knows nothing.
    pub crashes: u8,
    /// A Create is answered, and the answer does not come back.
    pub lost_answers: u8,
    /// A Create does not arrive.
    pub lost_calls: u8,
    /// A Create lands after its attempt's deadline: the caller was frozen, or the network held it back.
    pub late: u8,
}

impl State {
    /// A new object, and nothing else.
    pub fn new(faults: Faults) -> Self {
        Self {
            object: Some(Object::new(0)),
            actions_done: 0,
            user: None,
            users: 0,
            released: Vec::new(),
            recorded: None,
            attempts: Vec::new(),
            retained: None,
            controllers: [ControllerState::Idle; 2],
            faults,
            wronged: false,
            exposed: false,
        }
    }

    /// A new object, whose username a retained user has: the claim is refused.
    pub fn with_retained_user(faults: Faults) -> Self {
        Self {
            user: Some(User { id: 0, uid: RETAINED, leaving: false }),
            users: 1,
            recorded: Some(0),
            attempts: vec![Attempt { user: 0, open: false, settled: true, call: Call::Shown }],
            retained: Some(0),
            ..Self::new(faults)
        }
    }

    /// Returns true if the account is Stalled: its claim is refused, and nothing but its deletion changes that.
    pub fn is_refused(&self) -> bool {
        self.retained.is_some() && self.object.is_some_and(|object| object.finalizer && !object.deleting)
    }

    /// All attempts with their nonces.
    pub fn all(&self) -> impl Iterator<Item = (Nonce, Attempt)> {
        (0..).zip(self.attempts.iter().copied())
    }

    pub fn attempt(&self, nonce: Nonce) -> Attempt {
        self.attempts[usize::from(nonce)]
    }

    pub fn attempt_mut(&mut self, nonce: Nonce) -> &mut Attempt {
        &mut self.attempts[usize::from(nonce)]
    }

    /// Whether a read shows it.
    pub fn is_shown(&self, nonce: Nonce) -> bool {
        self.attempt(nonce).call == Call::Shown
    }

    /// The attempt of this user that the journal has as open.
    pub fn open_attempt(&self, user: UserId) -> Option<Nonce> {
        self.all().find(|(_, attempt)| attempt.open && attempt.user == user).map(|(nonce, _)| nonce)
    }

    /// Whether this very object is there.
    pub fn is_there(&self, uid: Uid) -> bool {
        self.object.is_some_and(|object| object.uid == uid)
    }

    pub fn is_released(&self, user: UserId) -> bool {
        self.released.iter().any(|(released, _)| *released == user)
    }

    pub fn is_object_released(&self, uid: Uid) -> bool {
        self.released.iter().any(|(_, released)| *released == uid)
    }

    /// Whether somebody has opened this attempt and will send its call.
    pub fn is_about_to_send(&self, nonce: Nonce) -> bool {
        self.controllers
            .iter()
            .any(|at| matches!(at, ControllerState::Creates { nonce: sends, .. } if *sends == nonce))
    }

    pub fn act(&mut self, action: UserAction) {
        self.actions_done += 1;
        match (action, &mut self.object) {
            (UserAction::Delete, Some(object)) if object.finalizer => object.deleting = true,
            (UserAction::Delete, _) => self.object = None,
            (UserAction::Recreate, _) => self.object = Some(Object::new(self.actions_done)),
        }
    }

    pub fn time_passes(&mut self, nonce: Nonce) {
        let call = self.attempt(nonce).call;
        if call == Call::Flying || (call == Call::Unsent && self.is_about_to_send(nonce)) {
            self.faults.late -= 1;
        }
        self.attempt_mut(nonce).settled = true;
    }

    /// The answer is lost; an SDK that retries sends the call again.
    pub fn lose_answer(&mut self, controller: ControllerId, retries: bool) {
        self.faults.lost_answers -= 1;
        let at = std::mem::replace(&mut self.controllers[controller], ControllerState::Idle);
        if let (ControllerState::Awaits { owner, nonce }, true) = (at, retries) {
            let again = Attempt { call: Call::Flying, ..self.attempt(nonce) };
            self.attempt_mut(nonce).open = false;
            self.attempts.push(again);
            self.controllers[controller] = ControllerState::Awaits { owner, nonce: nonce + 1 };
        }
    }

    /// The same with the controllers in a fixed order: nothing tells them apart.
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

    /// Whether a reconcile has nothing to do, as `is_quiet` in the code says it.
    pub fn is_quiet(self) -> bool {
        if self.deleting { !self.finalizer } else { self.finalizer && self.status.is_some() }
    }
}
