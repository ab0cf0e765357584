"""Beanstalk, load balancing, ACM, Route 53 and CloudFront of the local cloud, driven by boto3 and held against the models."""

import io
import json
import sys
import time
import urllib.request
import zipfile

from conform import client, finish, refused, wait

port = sys.argv[1]
eb, elb, acm, r53, cdn = (client(name, port) for name in ("elasticbeanstalk", "elbv2", "acm", "route53", "cloudfront"))
s3, ec2 = client("s3", port), client("ec2", port)
acm_elsewhere = client("acm", port, region="eu-west-1")


def until(what, seconds=60):
    """Waits for something; time passes fast here."""
    for _ in range(seconds * 10):
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


def get(host, path, method="GET"):
    """A request of the internet, through the local cloud's port."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host}, method=method)
    opener = urllib.request.build_opener(NoRedirect)
    try:
        answer = opener.open(request)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, dict(answer.headers), answer.read().decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def bundle(page, **more):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, text in {"index.html": page, **more}.items():
            archive.writestr(name, text)
    return body.getvalue()


# Route 53
zone = r53.create_hosted_zone(Name="example.com", CallerReference="a", HostedZoneConfig={"Comment": "c"})
zone_id = zone["HostedZone"]["Id"]
refused("HostedZoneAlreadyExists", r53.create_hosted_zone, Name="example.org", CallerReference="a")
r53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id.split("/")[-1], AddTags=[{"Key": "k", "Value": "v"}])
assert r53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id.split("/")[-1])["ResourceTagSet"]["Tags"]
assert r53.get_hosted_zone(Id=zone_id)["DelegationSet"]["NameServers"]
assert len(r53.list_hosted_zones()["HostedZones"]) == 1 and r53.get_hosted_zone_count()["HostedZoneCount"] == 1
assert r53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"][0]["Id"] == zone_id
r53.update_hosted_zone_comment(Id=zone_id, Comment="d")


def change(action, name, kind, value=None, **more):
    record = {"Name": name, "Type": kind, **more}
    if value:
        record |= {"TTL": 60, "ResourceRecords": [{"Value": value}]}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    return r53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)["ChangeInfo"]


done = change("CREATE", "a.example.com", "A", "192.0.2.1")
assert done["Status"] == "PENDING"
wait(r53.get_waiter("resource_record_sets_changed"), Id=done["Id"])
for wrong in [("CREATE", "a.example.com", "A", "192.0.2.1"), ("DELETE", "b.example.com", "A", "192.0.2.1")]:
    try:
        change(*wrong)
        raise SystemExit(f"{wrong} was not refused")
    except r53.exceptions.InvalidChangeBatch as error:
        assert "a.example.com." in str(error) or "not found" in str(error), error
pages = r53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id, PaginationConfig={"PageSize": 1})
assert [r["Type"] for page in pages for r in page["ResourceRecordSets"]] == ["NS", "SOA", "A"]
refused("HostedZoneNotEmpty", r53.delete_hosted_zone, Id=zone_id)

# ACM
wanted = {"DomainName": "www.example.com", "ValidationMethod": "DNS", "IdempotencyToken": "t", "Tags": [{"Key": "k", "Value": "v"}]}
certificate = acm.request_certificate(**wanted)["CertificateArn"]
assert acm.request_certificate(**wanted)["CertificateArn"] == certificate
record = until(lambda: acm.describe_certificate(CertificateArn=certificate)["Certificate"]["DomainValidationOptions"][0].get("ResourceRecord"))
change("UPSERT", record["Name"], record["Type"], record["Value"])
wait(acm.get_waiter("certificate_validated"), CertificateArn=certificate)
assert acm.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"][0]["DomainName"] == "www.example.com"
acm.add_tags_to_certificate(CertificateArn=certificate, Tags=[{"Key": "a", "Value": "b"}])
acm.remove_tags_from_certificate(CertificateArn=certificate, Tags=[{"Key": "a"}])
assert acm.list_tags_for_certificate(CertificateArn=certificate)["Tags"] == [{"Key": "k", "Value": "v"}]
acm.get_certificate(CertificateArn=certificate)
refused("ResourceNotFoundException", acm_elsewhere.describe_certificate, CertificateArn=certificate)
refused("ValidationException", acm.request_certificate, DomainName="-x.example.com")

# Beanstalk
eb.create_application(ApplicationName="shop", Description="d", Tags=[{"Key": "k", "Value": "v"}])
refused("InvalidParameterValue", eb.create_application, ApplicationName="shop")
eb.update_application(ApplicationName="shop", Description="e")
assert eb.describe_applications(ApplicationNames=["shop"])["Applications"][0]["Description"] == "e"
bucket = eb.create_storage_location()["S3Bucket"]
assert bucket == "elasticbeanstalk-us-east-1-123456789012"


def version(label, body):
    s3.put_object(Bucket=bucket, Key=label, Body=body)
    source = {"S3Bucket": bucket, "S3Key": label}
    eb.create_application_version(ApplicationName="shop", VersionLabel=label, SourceBundle=source, Process=True)

    def processed():
        found = eb.describe_application_versions(ApplicationName="shop", VersionLabels=[label])["ApplicationVersions"]
        return found[0]["Status"] != "Processing" and found[0]["Status"]

    return until(processed)


assert version("v1", bundle("one", **{"login.html": "login one"})) == "Processed"
assert version("v2", bundle("two", **{"login.html": "login two"})) == "Processed"
assert version("bad", b"no archive") == "Failed"
refused("InvalidParameterValue", eb.create_application_version, ApplicationName="shop", VersionLabel="v1")
stacks = eb.list_available_solution_stacks()
stack = next(s for s in stacks["SolutionStacks"] if s.endswith("Tomcat 10 Corretto 21"))
branch = [{"Type": "PlatformBranchName", "Operator": "begins_with", "Values": ["Tomcat 10 with Corretto 21"]}]
platform = eb.list_platform_versions(Filters=branch)["PlatformSummaryList"][0]["PlatformArn"]
assert eb.describe_platform_version(PlatformArn=platform)["PlatformDescription"]["SolutionStackName"] == stack
assert eb.list_platform_branches()["PlatformBranchSummaryList"]
eb.describe_account_attributes()
assert eb.check_dns_availability(CNAMEPrefix="shop-live")["Available"]


def settings(**options):
    spaces = {"asg": "aws:autoscaling:asg", "launch": "aws:autoscaling:launchconfiguration"}
    named = {
        "command": "aws:elasticbeanstalk:command", "environment": "aws:elasticbeanstalk:environment",
        "health": "aws:elasticbeanstalk:healthreporting:system", "https": "aws:elbv2:listener:443",
        "process": "aws:elasticbeanstalk:environment:process:default",
        "variables": "aws:elasticbeanstalk:application:environment", **spaces,
    }
    split = [(name.split("_", 1), value) for name, value in options.items()]
    return [{"Namespace": named[space], "OptionName": name, "Value": value} for (space, name), value in split]


usual = {
    "environment_LoadBalancerType": "application", "environment_ServiceRole": "aws-elasticbeanstalk-service-role",
    "launch_IamInstanceProfile": "aws-elasticbeanstalk-ec2-role", "health_SystemType": "enhanced",
    "asg_MinSize": "2", "command_DeploymentPolicy": "Rolling", "command_BatchSize": "50",
    "https_Protocol": "HTTPS", "https_SSLCertificateArns": certificate, "process_HealthCheckPath": "/login",
}
refused(
    "ConfigurationValidationException", eb.create_environment, ApplicationName="shop", EnvironmentName="live",
    SolutionStackName=stack, OptionSettings=settings(**usual, command_Timeout="0"),
)
messages = eb.validate_configuration_settings(
    ApplicationName="shop", OptionSettings=settings(**usual, command_Timeout="0")
)["Messages"]
assert [m["OptionName"] for m in messages] == ["Timeout"]
made = eb.create_environment(
    ApplicationName="shop", EnvironmentName="live", CNAMEPrefix="shop-live", VersionLabel="v1", PlatformArn=platform,
    OptionSettings=settings(**usual), Tags=[{"Key": "k", "Value": "v"}], Tier={"Name": "WebServer", "Type": "Standard"},
)
assert made["Status"] == "Launching" and made["CNAME"] == "shop-live.us-east-1.elasticbeanstalk.com"
refused("InvalidParameterValue", eb.update_environment, EnvironmentName="live", VersionLabel="v2")
wait(eb.get_waiter("environment_exists"), EnvironmentNames=["live"])


def environment(name="live"):
    return eb.describe_environments(EnvironmentNames=[name])["Environments"][0]


def ready():
    return environment()["Status"] == "Ready"


assert environment()["Health"] == "Green" and environment()["HealthStatus"] == "Ok", environment()
found = eb.describe_environment_resources(EnvironmentName="live")["EnvironmentResources"]
balancer, instances = found["LoadBalancers"][0]["Name"], [i["Id"] for i in found["Instances"]]
assert len(ec2.describe_instances(InstanceIds=instances)["Reservations"]) == 2
groups = ec2.describe_security_groups(Filters=[{"Name": "tag:elasticbeanstalk:environment-name", "Values": ["live"]}])
assert len(groups["SecurityGroups"]) == 2
assert eb.describe_environment_health(EnvironmentName="live", AttributeNames=["All"])["InstancesHealth"]["Ok"] == 2
health = eb.describe_instances_health(EnvironmentName="live", AttributeNames=["All"])["InstanceHealthList"]
assert {i["Deployment"]["VersionLabel"] for i in health} == {"v1"}
chosen = eb.describe_configuration_settings(ApplicationName="shop", EnvironmentName="live")["ConfigurationSettings"]
assert len(chosen) == 1 and chosen[0]["DeploymentStatus"] == "deployed"
assert eb.describe_configuration_options(ApplicationName="shop", EnvironmentName="live")["Options"]
assert get("shop-live.us-east-1.elasticbeanstalk.com", "/login")[2] == "login one"

request = eb.update_environment(EnvironmentName="live", VersionLabel="v2")["ResponseMetadata"]["RequestId"]
assert environment()["Status"] == "Updating" and environment()["AbortableOperationInProgress"]
wait(eb.get_waiter("environment_updated"), EnvironmentNames=["live"])
assert environment()["VersionLabel"] == "v2"
texts = [e["Message"] for e in eb.describe_events(RequestId=request)["Events"]]
assert texts[0] == "Environment update completed successfully." and texts[-1] == "Environment update is starting."
assert get("shop-live.us-east-1.elasticbeanstalk.com", "/login")[2] == "login two"
eb.update_environment(EnvironmentName="live", VersionLabel="bad")
until(ready)
assert environment()["VersionLabel"] == "v2"
assert any(e["Message"] == "Failed to deploy application." for e in eb.describe_events(Severity="ERROR")["Events"])
eb.update_environment(EnvironmentName="live", OptionSettings=settings(variables_A="1"))
sets = eb.describe_configuration_settings(ApplicationName="shop", EnvironmentName="live")["ConfigurationSettings"]
assert {s["DeploymentStatus"] for s in sets} == {"deployed", "pending"}
until(ready)
eb.update_tags_for_resource(ResourceArn=made["EnvironmentArn"], TagsToAdd=[{"Key": "a", "Value": "b"}], TagsToRemove=["k"])
until(ready)
assert {"Key": "a", "Value": "b"} in eb.list_tags_for_resource(ResourceArn=made["EnvironmentArn"])["ResourceTags"]
eb.restart_app_server(EnvironmentName="live")
until(ready)

# Load balancing
assert elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]["State"]["Code"] == "active"
assert elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
group = elb.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"][0]["TargetGroupArn"]
assert elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
states = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
assert {s["TargetHealth"]["State"] for s in states} == {"healthy"}
listeners = {l["Port"]: l["ListenerArn"] for l in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]}
redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
elb.modify_listener(ListenerArn=listeners[80], DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}])
status, headers, _ = get("shop-live.us-east-1.elasticbeanstalk.com", "/login")
assert status == 301 and headers["location"] == "https://shop-live.us-east-1.elasticbeanstalk.com:443/login"
assert elb.describe_rules(ListenerArn=listeners[80])["Rules"][0]["IsDefault"]
assert elb.describe_listener_certificates(ListenerArn=listeners[443])["Certificates"][0]["IsDefault"]
fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "up"}}]
condition = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/up"]}}]
rule = elb.create_rule(ListenerArn=listeners[80], Priority=5, Conditions=condition, Actions=fixed)["Rules"][0]["RuleArn"]
elb.modify_rule(RuleArn=rule, Conditions=[{"Field": "path-pattern", "Values": ["/well"]}])
elb.set_rule_priorities(RulePriorities=[{"RuleArn": rule, "Priority": 7}])
assert get("shop-live.us-east-1.elasticbeanstalk.com", "/well")[2] == "up"
elb.delete_rule(RuleArn=rule)
assert elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"]
subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]][:2]
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
own = elb.create_load_balancer(Name="own", Subnets=subnets, Tags=[{"Key": "k", "Value": "v"}])["LoadBalancers"][0]["LoadBalancerArn"]
other = elb.create_target_group(Name="own", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
refused("DuplicateTargetGroupName", elb.create_target_group, Name="own", Protocol="HTTP", Port=81, VpcId=vpc)
elb.modify_target_group(TargetGroupArn=other, HealthCheckPath="/login")
elb.modify_target_group_attributes(TargetGroupArn=other, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])
elb.register_targets(TargetGroupArn=other, Targets=[{"Id": instances[0]}])
elb.create_listener(LoadBalancerArn=own, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": other}])
wait(elb.get_waiter("load_balancer_available"), LoadBalancerArns=[own])
wait(elb.get_waiter("target_in_service"), TargetGroupArn=other, Targets=[{"Id": instances[0]}])
dns = elb.describe_load_balancers(Names=["own"])["LoadBalancers"][0]["DNSName"]
status, headers, text = get(dns, "/login")
assert (status, text) == (200, "login two") and "AWSALB" in headers["set-cookie"]
refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=other)
elb.add_tags(ResourceArns=[own], Tags=[{"Key": "a", "Value": "b"}])
elb.remove_tags(ResourceArns=[own], TagKeys=["a"])
elb.set_security_groups(LoadBalancerArn=own, SecurityGroups=[groups["SecurityGroups"][0]["GroupId"]])
elb.set_subnets(LoadBalancerArn=own, Subnets=subnets)
elb.modify_load_balancer_attributes(LoadBalancerArn=own, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "30"}])
elb.deregister_targets(TargetGroupArn=other, Targets=[{"Id": instances[0]}])
elb.delete_load_balancer(LoadBalancerArn=own)
elb.delete_target_group(TargetGroupArn=other)
refused("LoadBalancerNotFound", elb.describe_load_balancers, LoadBalancerArns=[own])
refused("ResourceInUseException", acm.delete_certificate, CertificateArn=certificate)

# CloudFront
policy = "658327ea-f89d-4fab-a63d-7e88639e58f6"
origin = {
    "Id": "live", "DomainName": environment()["CNAME"],
    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "match-viewer"},
}
config = {
    "CallerReference": "r", "Comment": "c", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]},
    "Aliases": {"Quantity": 1, "Items": ["www.example.com"]}, "PriceClass": "PriceClass_100",
    "ViewerCertificate": {"ACMCertificateArn": certificate, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"},
    "DefaultCacheBehavior": {
        "TargetOriginId": "live", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": policy, "Compress": True,
        "OriginRequestPolicyId": "216adef6-5c7f-47e4-b989-5492eafa07d3",
        "AllowedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"], "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}},
    },
}
tags = {"Items": [{"Key": "k", "Value": "v"}]}
made = cdn.create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": config, "Tags": tags})
distribution = made["Distribution"]
refused("DistributionAlreadyExists", cdn.create_distribution, DistributionConfig=config)
refused("CNAMEAlreadyExists", cdn.create_distribution, DistributionConfig={**config, "CallerReference": "s"})
wait(cdn.get_waiter("distribution_deployed"), Id=distribution["Id"])
assert cdn.list_distributions()["DistributionList"]["Items"][0]["Id"] == distribution["Id"]
assert cdn.list_tags_for_resource(Resource=distribution["ARN"])["Tags"]["Items"] == tags["Items"]
cdn.tag_resource(Resource=distribution["ARN"], Tags={"Items": [{"Key": "a", "Value": "b"}]})
cdn.untag_resource(Resource=distribution["ARN"], TagKeys={"Items": ["a"]})
alias = {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": distribution["DomainName"], "EvaluateTargetHealth": False}
done = change("CREATE", "www.example.com", "A", AliasTarget=alias)
wait(r53.get_waiter("resource_record_sets_changed"), Id=done["Id"])
status, headers, _ = get("www.example.com", "/login")
assert status == 301 and headers["x-cache"] == "Redirect from cloudfront" and "CloudFront" in headers["via"], headers
batch = {"CallerReference": "i", "Paths": {"Quantity": 1, "Items": ["/*"]}}
invalidation = cdn.create_invalidation(DistributionId=distribution["Id"], InvalidationBatch=batch)["Invalidation"]["Id"]
wait(cdn.get_waiter("invalidation_completed"), DistributionId=distribution["Id"], Id=invalidation)
assert cdn.list_invalidations(DistributionId=distribution["Id"])["InvalidationList"]["Quantity"] == 1
cdn.list_cache_policies(), cdn.get_cache_policy(Id=policy)
cdn.list_origin_request_policies(), cdn.get_origin_request_policy(Id="216adef6-5c7f-47e4-b989-5492eafa07d3")
control = {"Name": "n", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
oac = cdn.create_origin_access_control(OriginAccessControlConfig=control)
cdn.get_origin_access_control(Id=oac["OriginAccessControl"]["Id"])
cdn.get_origin_access_control_config(Id=oac["OriginAccessControl"]["Id"])
assert cdn.list_origin_access_controls()["OriginAccessControlList"]["Quantity"] == 1
cdn.delete_origin_access_control(Id=oac["OriginAccessControl"]["Id"], IfMatch=oac["ETag"])
found = cdn.get_distribution_config(Id=distribution["Id"])
refused("PreconditionFailed", cdn.update_distribution, Id=distribution["Id"], IfMatch="E0", DistributionConfig=found["DistributionConfig"])
refused("DistributionNotDisabled", cdn.delete_distribution, Id=distribution["Id"], IfMatch=found["ETag"])

# CloudFront: several origins, pages for errors, logs, a web ACL and countries
files, logs = "vpipe-files", "vpipe-logs"
for name in (files, logs):
    s3.create_bucket(Bucket=name)
for key in ("static/a.txt", "static/missing.html"):
    s3.put_object(Bucket=files, Key=key, Body=key.encode())
oac = cdn.create_origin_access_control(OriginAccessControlConfig=control)["OriginAccessControl"]["Id"]
allow = {
    "Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{files}/*",
    "Condition": {"StringEquals": {"AWS:SourceArn": distribution["ARN"]}},
}
s3.put_bucket_policy(Bucket=files, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
bucket_origin = {
    "Id": "files", "DomainName": f"{files}.s3.us-east-1.amazonaws.com", "OriginAccessControlId": oac, "S3OriginConfig": {"OriginAccessIdentity": ""},
}


def behavior(path, origin):
    return {
        "PathPattern": path, "TargetOriginId": origin, "ViewerProtocolPolicy": "allow-all", "Compress": True,
        "CachePolicyId": policy,
    }


def items(*found):
    return {"Quantity": len(found), "Items": list(found)}


def restricted(kind, *countries):
    return {"GeoRestriction": {"RestrictionType": kind, "Quantity": len(countries), **({"Items": list(countries)} if countries else {})}}


acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c4d-0000-0000-0000-000000000000"
error_page = {"ErrorCode": 403, "ResponsePagePath": "/static/missing.html", "ResponseCode": "404", "ErrorCachingMinTTL": 10}
told = {"Enabled": True, "IncludeCookies": False, "Bucket": f"{logs}.s3.amazonaws.com", "Prefix": "cdn/"}
extras = {
    "Origins": items(*found["DistributionConfig"]["Origins"]["Items"], bucket_origin),
    "CacheBehaviors": items(behavior("/static/*", "files"), behavior("/up", "live")), "CustomErrorResponses": items(error_page),
    "Logging": told, "WebACLId": acl, "Restrictions": restricted("whitelist", "AT", "DE"),
}


def update(etag, **changes):
    config = {**found["DistributionConfig"], **extras, **changes}
    return cdn.update_distribution(Id=distribution["Id"], IfMatch=etag, DistributionConfig=config)


# New buckets take no ACLs, with which CloudFront writes its logs.
refused("InvalidArgument", update, etag=found["ETag"])
s3.put_bucket_ownership_controls(Bucket=logs, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
for code, wrong in {
    "NoSuchOrigin": {"CacheBehaviors": items(behavior("/static/*", "nothing"))},
    "InvalidErrorCode": {"CustomErrorResponses": items({**error_page, "ErrorCode": 418})},
    "InvalidResponseCode": {"CustomErrorResponses": items({"ErrorCode": 403, "ResponsePagePath": "/static/missing.html"})},
    "InvalidWebACLId": {"WebACLId": acl.replace("us-east-1", "eu-west-1")},
    "InvalidGeoRestrictionParameter": {"Restrictions": restricted("blacklist")},
    "InconsistentQuantities": {"CustomErrorResponses": {"Quantity": 2, "Items": [error_page]}},
}.items():
    refused(code, update, etag=found["ETag"], **wrong)
etag = update(found["ETag"])["ETag"]
wait(cdn.get_waiter("distribution_deployed"), Id=distribution["Id"])
found = cdn.get_distribution_config(Id=distribution["Id"])
seen = found["DistributionConfig"]
assert found["ETag"] == etag and [b["PathPattern"] for b in seen["CacheBehaviors"]["Items"]] == ["/static/*", "/up"]
assert (seen["Logging"], seen["WebACLId"], seen["CustomErrorResponses"]["Items"]) == (told, acl, [error_page])
assert seen["Restrictions"] == extras["Restrictions"]
summary = cdn.list_distributions()["DistributionList"]["Items"][0]
assert summary["WebACLId"] == acl and summary["CacheBehaviors"]["Quantity"] == 2 and summary["Restrictions"] == extras["Restrictions"]
for path, status, text in (("/static/a.txt", 200, "static/a.txt"), ("/static/none", 404, "static/missing.html")):
    assert get("www.example.com", path)[::2] == (status, text), get("www.example.com", path)
assert get("www.example.com", "/static/a.txt")[1]["x-cache"] == "Hit from cloudfront"
off = {**found["DistributionConfig"], "Enabled": False}
etag = cdn.update_distribution(Id=distribution["Id"], IfMatch=found["ETag"], DistributionConfig=off)["ETag"]
wait(cdn.get_waiter("distribution_deployed"), Id=distribution["Id"])
cdn.delete_distribution(Id=distribution["Id"], IfMatch=etag)
refused("NoSuchDistribution", cdn.get_distribution, Id=distribution["Id"])

# Another environment takes the name over, and everything ends.
eb.create_environment(
    ApplicationName="shop", EnvironmentName="next", VersionLabel="v1", SolutionStackName=stack, OptionSettings=settings(**usual)
)
until(lambda: environment("next")["Status"] == "Ready")
eb.swap_environment_cnames(SourceEnvironmentName="live", DestinationEnvironmentName="next")
until(lambda: environment("next")["Status"] == "Ready" and ready())
assert environment("next")["CNAME"] == "shop-live.us-east-1.elasticbeanstalk.com"
eb.update_environment(EnvironmentName="next", VersionLabel="v2")
time.sleep(0.2)
eb.abort_environment_update(EnvironmentName="next")
until(lambda: environment("next")["Status"] == "Ready")
assert environment("next")["VersionLabel"] == "v1"
refused("SourceBundleDeletionFailure", eb.delete_application_version, ApplicationName="shop", VersionLabel="v1")
refused("OperationInProgressFailure", eb.delete_application, ApplicationName="shop")
eb.rebuild_environment(EnvironmentName="next")
until(lambda: environment("next")["Status"] == "Ready")
eb.terminate_environment(EnvironmentName="live")
eb.delete_application(ApplicationName="shop", TerminateEnvByForce=True)
wait(eb.get_waiter("environment_terminated"), EnvironmentNames=["live", "next"])
until(lambda: not eb.describe_applications()["Applications"])
acm.delete_certificate(CertificateArn=certificate)

finish()
