"""A client whose socket does not exist fails to connect; it does not refuse its own addresses."""

import docker
import pytest
import requests


def test_a_client_tries_to_connect():
    client = docker.APIClient(base_url="unix:///nowhere.sock", version="1.41")
    with pytest.raises(requests.exceptions.ConnectionError):
        client.ping()


def test_an_address_is_parsed():
    assert docker.utils.parse_host("tcp://host:2375") == "http://host:2375"
