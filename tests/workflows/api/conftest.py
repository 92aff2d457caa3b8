from tests.api_people import alice, alice_api, api_as, bob, bob_api, charlie, charlie_api

__all__ = ["alice", "alice_api", "api_as", "bob", "bob_api", "charlie", "charlie_api"]
