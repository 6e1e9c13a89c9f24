/**
 * No public type is `any`: an `any` is what a broken import in our declarations turns into, and it checks nothing.
 *
 * Compiled here by `npm run check` (types), and by `.ci/package.ts` against the packed tarball in an empty project with the
 * README's overrides. Exported values are found by themselves; types have no value to find them by and are listed below
 * (`.ci/package.ts` fails when one is missing).
 */
import type * as api from "node-wot-binding-hiveot";
import type * as protocol from "node-wot-binding-hiveot/protocol";

type IsAny<T> = 0 extends 1 & T ? true : false;

type Container<V> = Promise<V> | readonly V[] | ReadonlySet<V> | ReadonlyMap<never, V>;

/** `Path` if T, or what a container T holds, is `any`; else `never`. */
type Any<T, Path extends string> =
    IsAny<T> extends true ? Path : T extends Container<infer V> ? (IsAny<V> extends true ? `${Path}[]` : never) : never;

/** Those of T, and if T is a function, those of its parameters and its result. */
type AnyInFunction<T, Path extends string> =
    | Any<T, Path>
    | (IsAny<T> extends true
          ? never
          : T extends (...args: infer P) => infer R
            ? AnyInParameters<P, Path> | Any<R, `${Path}()`>
            : never);

type AnyInParameters<P extends unknown[], Path extends string> = number extends P["length"]
    ? Any<P, `${Path}(…)`> // rest parameters have no index
    : { [I in keyof P & `${number}`]: Any<P[I], `${Path}(${I})`> }[keyof P & `${number}`];

/** Those of T and of its members; what JavaScript itself declares is not ours to judge. */
type AnyInMembers<T, Path extends string> =
    | AnyInFunction<T, Path>
    | (IsAny<T> extends true
          ? never
          : T extends Container<unknown>
            ? never
            : T extends object
              ? { [K in OwnKey<T>]-?: AnyInFunction<T[K], `${Path}.${K}`> }[OwnKey<T>]
              : never);
type OwnKey<T> = Exclude<keyof T & string, keyof ErrorConstructor>;

/** Those of T and of its members, and if T is a class, also those of its constructor's parameters and of its instances. */
type AnyInExport<T, Path extends string> =
    | AnyInMembers<T, Path>
    | (IsAny<T> extends true
          ? never
          : T extends abstract new (...args: infer P) => infer Instance
            ? | { [I in keyof P & `${number}`]: AnyInMembers<P[I], `new ${Path}(${I})`> }[keyof P & `${number}`]
              | AnyInMembers<Instance, Path>
            : never);

/** As a template, so that the compiler prints the places and not the name of this type. */
type AnyInModule<M> = `${{ [K in keyof M & string]: AnyInExport<M[K], K> }[keyof M & string]}`;

/** Compiles only if nothing is `any`; else the compiler names the places. */
type NoAny<Places extends never> = Places;

export type Values = NoAny<AnyInModule<typeof api>>;
export type ProtocolValues = NoAny<AnyInModule<typeof protocol>>;

/** The exported types that are no values. */
interface Types {
    Account: api.Account;
    AccountConfig: api.AccountConfig;
    AccountRegistry: api.AccountRegistry;
    AccountStore: api.AccountStore;
    ActionData: api.ActionData;
    ActionStatus: api.ActionStatus;
    AgentEvent: api.AgentEvent;
    AgentEventMap: api.AgentEventMap;
    AgentListener: api.AgentListener<api.AgentEvent>;
    AgentState: api.AgentState;
    AnnounceOptions: api.AnnounceOptions;
    ClientRequestOptions: api.ClientRequestOptions;
    ConnectionEvent: api.ConnectionEvent;
    ConnectionEventMap: api.ConnectionEventMap;
    ConnectionListener: api.ConnectionListener<api.ConnectionEvent>;
    ConnectionOptions: api.ConnectionOptions;
    ConnectionState: api.ConnectionState;
    ConsumedThingOrDescription: api.ConsumedThingOrDescription;
    DialectsConfig: api.DialectsConfig;
    DevelopmentCertificate: api.DevelopmentCertificate;
    DirectoryEntry: api.DirectoryEntry;
    DiscoverOptions: api.DiscoverOptions;
    FetchDescriptionOptions: api.FetchDescriptionOptions;
    FoundService: api.FoundService;
    HubConfig: api.HubConfig;
    HubDirectory: api.HubDirectory;
    HttpRequest: api.HttpRequest;
    HttpResponse: api.HttpResponse;
    EventReading: api.EventReading;
    LoginLimits: api.LoginLimits;
    MountedHandler: api.MountedHandler;
    RoleTable: api.RoleTable;
    ServerConnection: api.ServerConnection;
    ServerConnectionEvent: api.ServerConnectionEvent;
    ServerConnectionEventMap: api.ServerConnectionEventMap;
    ServerConnectionListener: api.ServerConnectionListener<api.ServerConnectionEvent>;
    ServerConnections: api.ServerConnections;
    SseScAgentConfig: api.SseScAgentConfig;
    SseScAgentStatus: api.SseScAgentStatus;
    SseScClientConfig: api.SseScClientConfig;
    SseScPlainClientConfig: api.SseScPlainClientConfig;
    SseScServerConfig: api.SseScServerConfig;
    SseScServerStatus: api.SseScServerStatus;
    StartedAction: api.StartedAction;
    Strategy: api.Strategy;
    StrategyActions: api.StrategyActions;
    StrategyRequest: api.StrategyRequest;
    StrategyUser: api.StrategyUser;
    SubscribeOptions: api.SubscribeOptions;
    ThingDescription: api.ThingDescription;
    ThingInit: api.ThingInit;
    ThingModelOptions: api.ThingModelOptions;
    ActionIdMap: protocol.ActionIdMap;
    AffordanceType: protocol.AffordanceType;
    Channel: protocol.Channel;
    ChannelReceiver: protocol.ChannelReceiver;
    DialectConventions: protocol.DialectConventions;
    Dialects: protocol.Dialects;
    ErrorCode: protocol.ErrorCode;
    ErrorResponse: protocol.ErrorResponse;
    EventStreamHandlers: protocol.EventStreamHandlers;
    EventStreamReader: protocol.EventStreamReader;
    EventType: protocol.EventType;
    Identity: protocol.Identity;
    Message: protocol.Message;
    MessageContext: protocol.MessageContext;
    MessageConverter: protocol.MessageConverter;
    NewNotification: protocol.NewNotification;
    NewRequest: protocol.NewRequest;
    NotificationMessage: protocol.NotificationMessage;
    Operation: protocol.Operation;
    OperationInfo: protocol.OperationInfo;
    OperationScope: protocol.OperationScope;
    PathListener: protocol.PathListener;
    PeerOptions: protocol.PeerOptions;
    PendingOptions: protocol.PendingOptions;
    Problem: protocol.Problem;
    RequestHandler: protocol.RequestHandler;
    RequestMessage: protocol.RequestMessage;
    RequestOptions: protocol.RequestOptions;
    ResponseMessage: protocol.ResponseMessage;
    ResponseStatus: protocol.ResponseStatus;
    Result: protocol.Result<unknown>;
    SendOptions: protocol.SendOptions;
    SseScErrorOptions: protocol.SseScErrorOptions;
    SubscriptionHandle: protocol.SubscriptionHandle;
    SubscriptionHandlers: protocol.SubscriptionHandlers;
    Topic: protocol.Topic;
    UriVariables: protocol.UriVariables;
    ValidationError: protocol.ValidationError;
}
export type TypesOnly = NoAny<AnyInModule<Types>>;
